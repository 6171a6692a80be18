import asyncio


async def handler(first, second):
    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        group.create_task(second())
