from concurrent.futures import Future


async def pair(first: Future, second: Future):
    if first.done():
        return second.result()  # expect: LW107
    return None
