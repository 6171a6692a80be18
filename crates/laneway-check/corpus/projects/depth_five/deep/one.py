from deep.two import second


async def entry(value):  # expect: LW501
    return second(value)


async def safe(value, later):
    return await later(value)
