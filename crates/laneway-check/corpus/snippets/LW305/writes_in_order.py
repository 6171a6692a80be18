async def save_all(session, rows):
    for row in rows:
        session.add(row)
        await session.flush()
