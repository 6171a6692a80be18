import time


def make_worker(delay):
    async def worker(queue):
        item = await queue.get()
        time.sleep(delay)  # expect: LW101
        return item

    return worker
