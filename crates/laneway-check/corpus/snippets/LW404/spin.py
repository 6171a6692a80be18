import asyncio


async def until(future):
    while True:  # expect: LW404
        if future.done():
            return future.result()
        await asyncio.sleep(0)
