import asyncio
from concurrent.futures import ProcessPoolExecutor


def checksum(count):
    total = 0
    for number in range(count):
        total = (total * 31 + number) % 65521
    return total


async def run(pool: ProcessPoolExecutor):
    return await asyncio.get_running_loop().run_in_executor(pool, checksum, 1_000_000)
