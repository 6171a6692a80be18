import redis


async def count(client: redis.Redis, names):
    with client.pipeline() as pipe:
        for name in names:
            pipe.incr(name)
        return pipe.execute()  # expect: LW105
