import asyncio


async def guarded(call):
    while True:
        try:
            await call()
        except (asyncio.CancelledError, ConnectionError):  # expect: LW303
            continue
