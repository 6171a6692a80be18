import asyncio


async def stop(tasks: set[asyncio.Task]):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*[task for task in tasks], return_exceptions=True)
