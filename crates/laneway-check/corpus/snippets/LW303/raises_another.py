class StoppedError(Exception):
    pass


async def guarded(call):
    try:
        return await call()
    except BaseException as error:
        raise StoppedError from error
