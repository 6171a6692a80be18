import asyncio


async def first(tasks: set[asyncio.Task]):
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()
