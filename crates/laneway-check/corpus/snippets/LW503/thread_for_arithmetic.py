import asyncio


async def area(width, height):
    return await asyncio.to_thread(lambda: width * height)  # expect: LW503
