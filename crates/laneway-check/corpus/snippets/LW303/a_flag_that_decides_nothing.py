import asyncio


async def run(flush, verbose):
    while True:
        try:
            await asyncio.sleep(1)
            await flush()
        except asyncio.CancelledError:  # expect: LW303
            if verbose:
                print("cancelled")
