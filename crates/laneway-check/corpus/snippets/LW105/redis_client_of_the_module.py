import redis

cache = redis.Redis(host="localhost")


async def visits(page):
    return cache.incr(f"visits:{page}")  # expect: LW105
