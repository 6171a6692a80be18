import redis

client = redis.Redis()


async def read(key):
    work = client.get(key)
    return await work
