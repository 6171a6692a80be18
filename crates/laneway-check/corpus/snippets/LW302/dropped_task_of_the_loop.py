import asyncio


async def handler(work):
    loop = asyncio.get_running_loop()
    loop.create_task(work())  # expect: LW302
