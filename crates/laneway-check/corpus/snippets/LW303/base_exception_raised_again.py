async def transaction(connection, work):
    try:
        await work(connection)
    except BaseException:
        await connection.rollback()
        raise
    await connection.commit()
