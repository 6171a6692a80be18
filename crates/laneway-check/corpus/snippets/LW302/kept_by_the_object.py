import asyncio


class Service:
    async def start(self, work):
        self.task = asyncio.create_task(work())

    async def stop(self):
        self.task.cancel()
