"""The files that the demo digests."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def source_files(bytes_max: int) -> list[Path]:
    """Source files of this Python installation, up to so many bytes in all."""
    library = Path(sysconfig.get_path("stdlib"))
    files: list[Path] = []
    total = 0
    for path in sorted(library.rglob("*.py"), key=lambda path: path.as_posix()[::-1]):
        size = path.stat().st_size
        if "site-packages" in path.parts or total + size > bytes_max:
            continue
        total += size
        files.append(path)
    return files
