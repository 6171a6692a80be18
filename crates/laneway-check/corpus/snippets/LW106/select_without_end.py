import select


async def readable(descriptors):
    ready, _, _ = select.select(descriptors, [], [])  # expect: LW106
    return ready
