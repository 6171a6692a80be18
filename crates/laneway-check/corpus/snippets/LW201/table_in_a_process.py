import asyncio
from concurrent.futures import ProcessPoolExecutor

import pandas as pd

pool = ProcessPoolExecutor(2)


async def report(path):
    loop = asyncio.get_running_loop()
    table = await loop.run_in_executor(pool, pd.read_csv, path)
    return table.shape
