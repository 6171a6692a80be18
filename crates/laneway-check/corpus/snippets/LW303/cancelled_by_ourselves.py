import asyncio
import contextlib


async def stop(task: asyncio.Task):
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
