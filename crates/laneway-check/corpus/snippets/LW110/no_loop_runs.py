import asyncio
import time


def wait():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        time.sleep(3)


def wait_or_schedule():
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if loop is None:
        time.sleep(3)


def wait_otherwise():
    try:
        asyncio.get_running_loop()
        return
    except RuntimeError:
        pass
    time.sleep(3)


async def handler():
    wait()
    wait_or_schedule()
    wait_otherwise()
