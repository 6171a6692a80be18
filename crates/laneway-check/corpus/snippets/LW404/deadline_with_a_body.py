import asyncio


async def drain(queue, handle):
    while not queue.empty():
        await handle(queue.get_nowait())
        await asyncio.sleep(0)
