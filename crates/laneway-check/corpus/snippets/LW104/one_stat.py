import os.path


async def known(path):
    return os.path.exists(path)  # expect: LW104:hint
