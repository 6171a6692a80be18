import asyncio


async def guarded(call, clean_up):
    try:
        return await call()
    except asyncio.CancelledError:
        clean_up()
        raise
