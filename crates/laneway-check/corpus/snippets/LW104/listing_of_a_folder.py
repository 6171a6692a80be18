import os


async def names(folder):
    return sorted(os.listdir(folder))  # expect: LW104
