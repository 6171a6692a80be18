async def digest(steps, value):
    for step in steps:
        value = await step(value)
    return value
