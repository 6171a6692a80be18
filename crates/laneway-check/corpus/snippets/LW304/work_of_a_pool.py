import asyncio


async def fetch(url):
    return await asyncio.to_thread(url.upper)


async def fetch_all(urls):
    return await asyncio.gather(*[fetch(url) for url in urls])
