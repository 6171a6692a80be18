from concurrent.futures import Future


async def peek(future: Future):
    if future.done():
        return future.result()  # quiet: LW107 (raised: done() was asked)
    return None
