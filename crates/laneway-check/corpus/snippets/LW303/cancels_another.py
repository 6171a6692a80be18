import asyncio


async def guarded(call, timer):
    try:
        return await call()
    except asyncio.CancelledError:  # expect: LW303:hint
        timer.cancel()


async def told_apart(call, task):
    try:
        await call()
    except asyncio.CancelledError:
        assert task.cancelled()
