import asyncio
import time


def back_off(attempt):
    time.sleep(2**attempt)


async def fetch():
    await asyncio.to_thread(back_off, 1)
