import asyncio
from concurrent.futures import ThreadPoolExecutor

from shop.actions import ACTIONS, pack_small, weigh


class Service:
    def __init__(self):
        self.pool = ThreadPoolExecutor(2)

    async def handle(self, order, action):
        pack_small(order)
        result = ACTIONS[action](order)
        weight = await asyncio.get_running_loop().run_in_executor(self.pool, weigh, order)
        return result, weight

    async def stop(self):
        await asyncio.to_thread(self.pool.shutdown)


class Careless:
    def __init__(self):
        self.pool = ThreadPoolExecutor(2)

    async def stop(self, channel):
        await channel.close()
        self.pool.shutdown()  # expect: LW107:error
