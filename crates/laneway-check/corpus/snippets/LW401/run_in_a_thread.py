import asyncio


async def load():
    return 1


def value():
    return asyncio.run(load())


async def page():
    return await asyncio.to_thread(value)
