import os


async def size(folder):
    total = 0
    for _, _, names in os.walk(folder):  # expect: LW104
        total += len(names)
    return total
