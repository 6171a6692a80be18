import asyncio


async def check(ping):
    return await asyncio.gather(*(ping(host) for host in ("a", "b", "c")))
