async def save(record):
    return record


async def handler(record, later):
    pending = save(record) if record else None
    if pending:
        await pending
    await later()
