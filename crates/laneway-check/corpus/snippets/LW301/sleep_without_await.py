import asyncio


async def pause():
    asyncio.sleep(1)  # expect: LW301
    return True
