import asyncio


async def handler(work):
    asyncio.create_task(work())  # expect: LW302
    return "accepted"
