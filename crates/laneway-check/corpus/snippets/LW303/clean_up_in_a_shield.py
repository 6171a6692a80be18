import anyio


async def close(stream):
    with anyio.CancelScope(shield=True):
        try:
            await stream.aclose()
        except BaseException as error:
            print(error)
