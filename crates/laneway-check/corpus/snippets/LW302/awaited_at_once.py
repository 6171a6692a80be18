import asyncio


async def run(work):
    return await asyncio.create_task(work())
