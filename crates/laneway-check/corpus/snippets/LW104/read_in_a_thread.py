import asyncio
from pathlib import Path


async def template(name):
    return await asyncio.to_thread(Path("templates", name).read_text)
