import asyncio


async def handler(coroutine):
    asyncio.ensure_future(coroutine)  # expect: LW302
