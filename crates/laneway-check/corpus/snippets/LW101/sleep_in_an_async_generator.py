import time


async def ticks(count):
    for number in range(count):
        time.sleep(1)  # expect: LW101
        yield number
