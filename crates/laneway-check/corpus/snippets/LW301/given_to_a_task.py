import asyncio


async def save(record):
    return record


async def handler(record):
    task = asyncio.create_task(save(record))
    return await task
