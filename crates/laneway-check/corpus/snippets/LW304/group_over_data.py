import asyncio


async def fetch_all(fetch, urls):
    async with asyncio.TaskGroup() as group:
        for url in urls:
            group.create_task(fetch(url))  # expect: LW304
