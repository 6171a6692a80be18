import asyncio


async def acquire(lock):
    kept = None
    while True:
        try:
            await lock.acquire()
            break
        except asyncio.CancelledError as error:
            kept = error
    if kept is not None:
        raise kept
