import asyncio
import time


def wait():
    try:
        asyncio.get_running_loop()
        time.sleep(3)  # expect: LW110
    except RuntimeError:
        return


async def handler():
    wait()
