"""How it is used."""

import asyncio
import time


async def greet(address):
    time.sleep(1)  # expect: LW101:warning
    await asyncio.sleep(1)
    return address
