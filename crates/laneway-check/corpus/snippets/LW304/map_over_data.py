import asyncio


async def fetch_all(fetch, urls):
    return await asyncio.gather(*map(fetch, urls))  # expect: LW304
