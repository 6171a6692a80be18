from redis import asyncio as aioredis

cache = aioredis.Redis(host="localhost")


async def visits(page):
    return await cache.incr(f"visits:{page}")
