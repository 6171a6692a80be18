import asyncio


async def polite(names):
    for name in names:
        print(name)
        await asyncio.sleep(1)
