import asyncio


async def later(callback):
    asyncio.get_running_loop().call_soon(callback)
