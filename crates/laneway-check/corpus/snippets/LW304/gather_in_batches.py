import asyncio


async def fetch_all(fetch, urls):
    for start in range(0, len(urls), 20):
        await asyncio.gather(*(fetch(url) for url in urls[start : start + 20]))
