import asyncio


async def fetch_all(fetch, urls):
    gate = asyncio.Semaphore(10)

    async def one(url):
        async with gate:
            return await fetch(url)

    return await asyncio.gather(*(one(url) for url in urls))
