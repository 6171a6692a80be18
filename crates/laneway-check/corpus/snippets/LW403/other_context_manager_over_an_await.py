import contextlib


async def quiet(work):
    with contextlib.suppress(KeyError):
        await work()
