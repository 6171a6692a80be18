import asyncio
import functools
import time


def load():
    time.sleep(1)


def both(function):
    @functools.wraps(function)
    async def wrapper(*arguments):
        return await function(*arguments)

    return wrapper if asyncio.iscoroutinefunction(function) else function


async def start(call):
    return await call()


loader = both(load)
