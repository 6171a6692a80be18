import asyncio


async def handler(work):
    _ = asyncio.create_task(work())  # expect: LW302
    return "accepted"
