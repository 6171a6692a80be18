import asyncio


async def checksum():
    total = 0
    for number in range(1_000_000):
        total = (total * 31 + number) % 65521
        if number % 1000 == 0:
            await asyncio.sleep(0)
    return total
