import asyncio

import redis

client = redis.Redis()


async def read(first, second):
    return await asyncio.gather(client.get(first), client.get(second))
