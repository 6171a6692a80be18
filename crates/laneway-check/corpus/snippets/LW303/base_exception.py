async def guarded(call):
    try:
        return await call()
    except BaseException as error:  # expect: LW303
        print(error)
        return None
