import asyncio


async def run(work, value):
    return await asyncio.to_thread(work, value)
