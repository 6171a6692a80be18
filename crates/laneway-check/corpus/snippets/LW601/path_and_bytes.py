from pathlib import Path

from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def thumbnail(path: Path, data: bytes, size: int = 128) -> bytes:
    return data[:size]
