import asyncio


async def heartbeat(send):
    while True:
        await send()
        await asyncio.sleep(5)
