from pathlib import Path, PurePosixPath


async def place(root: Path, name: str):
    path = root / PurePosixPath(name).name
    return path.with_suffix(".json").parent.name, path.stem, path.as_posix()
