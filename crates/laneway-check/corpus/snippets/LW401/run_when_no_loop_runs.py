import asyncio


async def load():
    return 1


def value():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(load())
    raise RuntimeError("call load() instead")


async def page():
    return value()
