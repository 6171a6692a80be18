import asyncio


async def until(ready: asyncio.Event):
    await ready.wait()
