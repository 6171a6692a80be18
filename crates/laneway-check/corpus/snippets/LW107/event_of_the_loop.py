import asyncio

ready = asyncio.Event()


async def wait_ready():
    await ready.wait()
