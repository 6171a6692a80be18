from asgiref.sync import async_to_sync


async def load():
    return 1


async def page():
    return async_to_sync(load)()  # expect: LW401
