import asyncio


async def outer(coroutine):
    loop = asyncio.get_event_loop()
    return loop.run_until_complete(coroutine)  # expect: LW401
