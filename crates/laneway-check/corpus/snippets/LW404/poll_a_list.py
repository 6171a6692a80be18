import asyncio


async def first(items):
    while len(items) == 0:  # expect: LW404
        await asyncio.sleep(0.05)
    return items.pop()
