import asyncio


async def page(user, orders, offers):
    return await asyncio.gather(user(), orders(), offers())
