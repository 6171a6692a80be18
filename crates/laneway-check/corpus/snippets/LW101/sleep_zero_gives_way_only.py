import time


async def give_way():
    time.sleep(0)
