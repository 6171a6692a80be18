import asyncio


async def run(first, second):
    tasks = [asyncio.create_task(call()) for call in (first, second)]
    return await asyncio.gather(*tasks)
