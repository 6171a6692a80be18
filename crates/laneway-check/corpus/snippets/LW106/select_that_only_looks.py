import select


async def readable(descriptors):
    ready, _, _ = select.select(descriptors, [], [], 0)
    return ready
