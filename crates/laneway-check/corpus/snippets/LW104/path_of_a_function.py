from pathlib import Path


def place(name) -> Path:
    return Path("data") / name


async def load(name):
    return place(name).read_bytes()  # expect: LW104
