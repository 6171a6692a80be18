import asyncio


async def guarded(call):
    try:
        return await call()
    except asyncio.CancelledError:  # expect: LW303
        return None
