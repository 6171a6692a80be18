async def connect(session):
    error = None
    try:
        await session()
    except BaseException as caught:  # expect: LW303
        error = caught
    print(error)
