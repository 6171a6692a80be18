async def checksum(data):
    total = 0
    for number in range(1_000_000):  # expect: LW202
        total = (total * 31 + number) % 65521
    return total
