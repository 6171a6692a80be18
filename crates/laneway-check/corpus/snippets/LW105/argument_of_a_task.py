import asyncio

import redis

client = redis.Redis()


async def read(queue, key):
    await asyncio.wait_for(client.get(key), 1)
    return await queue.put(client.get(key))  # expect: LW105
