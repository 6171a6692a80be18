import asyncio
import time


def load(mode):
    if mode == "slow":
        time.sleep(1)


async def handler():
    load("fast")
    await asyncio.to_thread(load, "slow")
