import asyncio


class Frontier:
    def __init__(self):
        self.waiting = asyncio.Queue()
        self.seen = set()

    def add(self, url):
        if url not in self.seen:
            self.seen.add(url)
            self.waiting.put_nowait(url)

    async def next(self):
        return await self.waiting.get()
