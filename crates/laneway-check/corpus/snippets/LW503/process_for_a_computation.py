import asyncio
from concurrent.futures import ProcessPoolExecutor


def checksum(count):
    total = 0
    for number in range(count):
        for digit in str(number):
            total = (total * 31 + int(digit)) % 65521
    return total


async def run():
    with_pool = ProcessPoolExecutor(2)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(with_pool, checksum, 1_000_000)
