import asyncio


async def sleep(seconds):
    await asyncio.sleep(seconds)


async def pause():
    await sleep(1)
