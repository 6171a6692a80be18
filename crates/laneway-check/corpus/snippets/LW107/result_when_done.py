from concurrent.futures import Future


async def peek(future: Future):
    if future.done():
        return future.result()
    return None
