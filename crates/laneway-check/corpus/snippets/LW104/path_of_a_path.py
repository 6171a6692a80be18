from pathlib import Path

ROOT = Path("data")


async def save(name, data):
    folder = ROOT / name
    folder.mkdir(exist_ok=True)  # expect: LW104
    (folder / "value.bin").write_bytes(data)  # expect: LW104
