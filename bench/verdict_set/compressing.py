"""Compression: C that lets other threads run, and small calls that are not worth a thread."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile
import zlib

from verdict_set.cases import case

WORDS = random.Random(7).choices([f"word{i}" for i in range(500)], k=160_000)
TEXT = " ".join(WORDS).encode()
PACKED = zlib.compress(TEXT)
NAMES = [f"folder/file{i}.txt" for i in range(150)]


@case(b"a message of some bytes, again and again " * 5)
def zlib_small(data: bytes) -> int:
    """Some hundred bytes: trivial."""
    return len(zlib.compress(data))


@case()
def zlib_large() -> int:
    """A megabyte of text."""
    return len(zlib.compress(TEXT))


@case()
def zlib_unpack() -> int:
    """The way back."""
    return len(zlib.decompress(PACKED))


@case(TEXT[:900_000])
def gzip_argument(data: bytes) -> int:
    """Nearly a megabyte that comes as an argument."""
    return len(gzip.compress(data, 6))


@case()
def bz2_medium() -> int:
    """A hundred kilobytes, slowly."""
    return len(bz2.compress(TEXT[:100_000]))


@case()
def lzma_medium() -> int:
    """A hundred kilobytes, very slowly."""
    return len(lzma.compress(TEXT[:100_000]))


@case()
def zip_small_files() -> int:
    """An archive of 150 small files: more Python than compression."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in NAMES:
            archive.writestr(name, TEXT[:400])
    return target.tell()


@case()
def tar_small_files() -> int:
    """The same as a tar archive, in pure Python."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name in NAMES:
            entry = tarfile.TarInfo(name)
            entry.size = 400
            archive.addfile(entry, io.BytesIO(TEXT[:400]))
    return target.tell()


@case()
def base64_large() -> int:
    """A megabyte there and back; C that keeps the GIL."""
    return len(base64.b64decode(base64.b64encode(TEXT)))
