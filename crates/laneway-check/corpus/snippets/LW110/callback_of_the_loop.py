import asyncio
import time


def beat():
    time.sleep(0.2)  # expect: LW110


async def start():
    asyncio.get_running_loop().call_later(1, beat)
