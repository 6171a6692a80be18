"""Files and folders."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from verdict_set.cases import case, folder


def prepare() -> None:
    """Makes a file of a megabyte and a tree of 600 files."""
    (folder() / "large.bin").write_bytes(os.urandom(1_000_000))
    for branch in range(30):
        place = folder() / "tree" / f"branch{branch}"
        place.mkdir(parents=True)
        for leaf in range(20):
            (place / f"leaf{leaf}.txt").write_text(f"leaf {leaf}\n")


def _own_file() -> Path:
    return folder() / f"own-{os.getpid()}-{threading.get_ident()}"


@case()
def read_large() -> int:
    """A megabyte that the system has in memory."""
    return len((folder() / "large.bin").read_bytes())


@case()
def stat_one() -> int:
    """The size of a file: trivial."""
    return (folder() / "large.bin").stat().st_size


@case()
def walk_tree() -> int:
    """All names of a tree."""
    return sum(len(files) for _, _, files in os.walk(folder() / "tree"))


@case()
def read_tree() -> int:
    """All files of a tree, one by one."""
    return sum(len(path.read_text()) for path in (folder() / "tree").rglob("*.txt"))


@case(b"x" * 20_000)
def write_synced(data: bytes) -> int:
    """A file that is on the disk when it returns."""
    with _own_file().open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return len(data)
