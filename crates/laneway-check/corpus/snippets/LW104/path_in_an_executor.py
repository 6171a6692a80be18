import asyncio
from pathlib import Path


async def size(path: Path):
    loop = asyncio.get_running_loop()
    stat = await loop.run_in_executor(None, path.stat)
    return stat.st_size
