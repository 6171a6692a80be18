import asyncio
import contextlib


async def worker(queue):
    while True:
        with contextlib.suppress(asyncio.CancelledError):  # expect: LW303
            await queue.get()
