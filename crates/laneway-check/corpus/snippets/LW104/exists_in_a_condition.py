from pathlib import Path


async def clean(path: Path):
    if path.exists():  # expect: LW104
        path.unlink()  # expect: LW104
