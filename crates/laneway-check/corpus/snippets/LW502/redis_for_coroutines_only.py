from redis import Redis  # expect: LW502

cache = Redis()


async def visits(page):
    return cache.incr(page)  # expect: LW105


async def reset(page):
    cache.delete(page)  # expect: LW105
