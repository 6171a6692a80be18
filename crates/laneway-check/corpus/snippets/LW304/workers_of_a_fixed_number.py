import asyncio


async def fetch_all(fetch, urls):
    inbox = asyncio.Queue()
    for url in urls:
        inbox.put_nowait(url)

    async def worker():
        while not inbox.empty():
            await fetch(inbox.get_nowait())

    await asyncio.gather(*(worker() for _ in range(8)))
