async def save(record):
    return record


def later(record):
    return save(record)


async def handler(record):
    return await later(record)
