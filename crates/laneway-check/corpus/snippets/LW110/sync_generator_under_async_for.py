import time


class Feed:
    def items(self):
        time.sleep(1)
        yield 1


async def read(feed: Feed):
    async for item in feed.items():
        print(item)
