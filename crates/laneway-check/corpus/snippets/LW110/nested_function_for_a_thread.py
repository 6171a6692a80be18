import asyncio
import time


async def settle(seconds):
    def work():
        time.sleep(seconds)
        return seconds

    return await asyncio.to_thread(work)
