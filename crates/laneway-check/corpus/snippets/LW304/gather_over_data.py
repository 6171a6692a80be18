import asyncio


async def fetch_all(fetch, urls):
    return await asyncio.gather(*(fetch(url) for url in urls))  # expect: LW304
