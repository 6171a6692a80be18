import trio


async def pause():
    await trio.sleep(1)
