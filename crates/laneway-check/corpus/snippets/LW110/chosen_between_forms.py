import time
from collections.abc import Awaitable


def read(number):
    time.sleep(number)


async def aread(number):
    return number


def fetch(number):
    time.sleep(number)


def fetch_async(number) -> Awaitable[int]:
    return aread(number)


async def run(flag):
    step = aread if flag else read
    one = step(1)
    get = fetch_async if flag else fetch
    two = get(1)
    if flag:
        await one
        await two
