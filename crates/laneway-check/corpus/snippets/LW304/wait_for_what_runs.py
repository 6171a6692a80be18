import asyncio


async def stop(tasks: set[asyncio.Task]):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*[it for it in tasks if it])
