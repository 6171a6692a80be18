import asyncio


async def load(session, name):
    async with session.get(f"/items/{name}") as answer:
        return await answer.json()


async def one(session, name):
    return await load(session, name)


async def load_all(session, names):
    return await asyncio.gather(*(one(session, name) for name in names))  # expect: LW304:warning
