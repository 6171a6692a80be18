import asyncio
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(4)


async def run(work):
    return await asyncio.wrap_future(pool.submit(work))
