from anyio import Path


async def load(name):
    path = Path("data") / name
    if await path.exists():
        return await path.read_bytes()
    return b""
