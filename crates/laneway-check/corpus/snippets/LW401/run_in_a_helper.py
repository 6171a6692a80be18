import asyncio


async def load():
    return 1


def value():
    return asyncio.run(load())  # expect: LW401


async def page():
    return value()
