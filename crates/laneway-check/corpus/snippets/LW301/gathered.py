import asyncio


async def save(record):
    return record


async def handler(first, second):
    return await asyncio.gather(save(first), save(second))
