import asyncio


def schedule(coroutine):
    loop = asyncio.get_event_loop()  # expect: LW402
    return loop.create_task(coroutine)
