import asyncio


async def next_item(inbox: asyncio.Queue):
    return await inbox.get()
