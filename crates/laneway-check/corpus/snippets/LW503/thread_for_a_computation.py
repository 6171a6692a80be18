import asyncio


def checksum(count):
    total = 0
    for number in range(count):
        for digit in str(number):
            total = (total * 31 + int(digit)) % 65521
    return total


async def run():
    return await asyncio.to_thread(checksum, 1_000_000)  # expect: LW503
