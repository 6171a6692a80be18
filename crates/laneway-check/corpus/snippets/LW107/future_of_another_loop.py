import asyncio


async def elsewhere(coroutine, loop):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()  # expect: LW107
