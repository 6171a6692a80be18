import asyncio


async def address(host):
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(host, 443)
