import redis

client = redis.Redis()


async def listen():
    async for message in client.pubsub().listen():
        print(message)
