import asyncio


async def until_done(api, number):
    while (await api.status(number)) != "done":
        await asyncio.sleep(2)
