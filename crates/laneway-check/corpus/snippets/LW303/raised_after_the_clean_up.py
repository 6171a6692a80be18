async def connect(session, group):
    error = None
    async with group:
        try:
            await session()
        except BaseException as caught:
            error = caught
        finally:
            group.cancel()
    if error is not None:
        raise error
