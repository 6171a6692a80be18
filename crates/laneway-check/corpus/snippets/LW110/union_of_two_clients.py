import time
from typing import Union


class Queue:
    def name(self):
        time.sleep(1)
        return "queue"


class AsyncQueue:
    async def name(self):
        return "queue"


async def both(queue: Union[Queue, AsyncQueue]):
    return await queue.name()
