import asyncio


async def fetch_all(fetch, urls):
    tasks = []
    for url in urls:
        tasks.append(asyncio.create_task(fetch(url)))  # expect: LW304
    return [await task for task in tasks]
