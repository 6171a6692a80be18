import asyncio


async def save(record):
    return record


async def handler(records):
    make = lambda record: save(record)  # noqa: E731
    return await asyncio.gather(make(records[0]), make(records[1]))
