async def settle(call, future):
    try:
        future.set_result(await call())
    except BaseException as error:
        future.set_exception(error)
