import asyncio


async def fetch_all(fetch, urls):
    calls = [fetch(url) for url in urls]
    return await asyncio.gather(*calls)  # expect: LW304
