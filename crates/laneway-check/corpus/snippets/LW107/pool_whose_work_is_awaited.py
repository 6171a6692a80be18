import asyncio
from concurrent.futures import ThreadPoolExecutor


async def load(paths, read):
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(4) as pool:
        await asyncio.gather(*[loop.run_in_executor(pool, read, path) for path in paths[:4]])
