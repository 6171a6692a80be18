import asyncio

lock = asyncio.Lock()


async def update(values, load):
    async with lock:
        values["x"] = await load()
