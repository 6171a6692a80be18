import asyncio
import contextlib


async def worker(queue):
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await queue.get()


async def stop(task):
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
