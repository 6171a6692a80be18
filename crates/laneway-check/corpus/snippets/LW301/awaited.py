async def save(record):
    return record


async def handler(record):
    await save(record)
    return "saved"
