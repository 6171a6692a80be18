import asyncio


async def start(work):
    return asyncio.create_task(work())
