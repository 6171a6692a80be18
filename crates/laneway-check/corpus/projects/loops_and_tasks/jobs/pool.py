import asyncio
import threading


class Pool:
    def __init__(self, size):
        self.gate = asyncio.Semaphore(size)
        self.lock = threading.Lock()
        self.done = 0

    async def run(self, job):
        async with self.gate:
            result = await job()
            with self.lock:  # expect: LW107:hint
                self.done += 1
            return result

    async def run_locked(self, job):
        with self.lock:  # expect: LW403
            return await job()
