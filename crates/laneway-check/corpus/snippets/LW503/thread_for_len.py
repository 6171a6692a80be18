import asyncio


async def count(items):
    return await asyncio.to_thread(len, items)  # expect: LW503
