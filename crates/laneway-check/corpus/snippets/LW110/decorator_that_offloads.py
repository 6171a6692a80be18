import asyncio
import functools
import time


def in_thread(function):
    @functools.wraps(function)
    async def wrapper(*arguments):
        return await asyncio.to_thread(function, *arguments)

    return wrapper


@in_thread
def settle(seconds):
    time.sleep(seconds)


async def start():
    await settle(1)
