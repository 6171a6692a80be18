from filelock import FileLock


async def update(path):
    with FileLock(f"{path}.lock"):  # expect: LW107
        return path
