from concurrent.futures import Future


async def peek(future: Future, default):
    return future.result() if future.done() else default
