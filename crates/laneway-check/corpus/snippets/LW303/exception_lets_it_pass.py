async def guarded(call):
    try:
        return await call()
    except Exception as error:
        print(error)
        return None
