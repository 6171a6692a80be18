import asyncio
import time


async def settle():
    await asyncio.to_thread(time.sleep, 0.2)
