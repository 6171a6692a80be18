async def save(record):
    return record


async def handler(record):
    save(record)  # expect: LW301
    return "saved"
