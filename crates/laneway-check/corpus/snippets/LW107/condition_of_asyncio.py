import asyncio


class Gate:
    def __init__(self):
        self.condition = asyncio.Condition()

    async def wait(self):
        async with self.condition:
            await self.condition.wait()
