import anyio


async def close(stream):
    with anyio.CancelScope():
        try:
            await stream.aclose()
        except BaseException as error:  # expect: LW303
            print(error)
