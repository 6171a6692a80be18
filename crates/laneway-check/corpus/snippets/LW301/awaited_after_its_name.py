async def save(record):
    return record


async def handler(record):
    pending = save(record)
    print("saving")
    return await pending
