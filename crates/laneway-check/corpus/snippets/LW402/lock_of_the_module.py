import asyncio

lock = asyncio.Lock()


async def critical(work):
    async with lock:
        return await work()
