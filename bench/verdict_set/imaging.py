"""Images and arrays."""
# pyright: basic, reportMissingImports=false, reportArgumentType=false, reportCallIssue=false

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from verdict_set.cases import case

PHOTO = Image.effect_noise((900, 700), 60).convert("RGB")
_file = io.BytesIO()
PHOTO.save(_file, "JPEG", quality=85)
JPEG = _file.getvalue()
MATRIX = np.random.default_rng(5).random((200, 200))
VECTOR = np.random.default_rng(6).random(400_000)


@case()
def pillow_resize() -> int:
    """A photo made smaller: Pillow lets other threads run."""
    return PHOTO.resize((300, 240), Image.Resampling.LANCZOS).size[0]


@case()
def pillow_blur() -> int:
    """A filter over all pixels."""
    return PHOTO.filter(ImageFilter.GaussianBlur(3)).size[0]


@case(JPEG)
def pillow_thumbnail(data: bytes) -> bytes:
    """The usual: bytes in, a small picture out."""
    image = Image.open(io.BytesIO(data))
    image.thumbnail((128, 128))
    target = io.BytesIO()
    image.save(target, "JPEG")
    return target.getvalue()


@case()
def pillow_png() -> int:
    """A picture written with compression."""
    target = io.BytesIO()
    PHOTO.resize((300, 240)).save(target, "PNG")
    return target.tell()


@case(40)
def pillow_pixels(size: int) -> int:
    """Every pixel touched by Python."""
    picture = PHOTO.resize((size, size)).convert("L")
    return int(sum(picture.getpixel((x, y)) for x in range(size) for y in range(size)))


@case()
def numpy_sort() -> float:
    """A large array, sorted."""
    return float(np.sort(VECTOR)[0])


@case()
def numpy_matrix() -> float:
    """A product of matrices, by a library with threads of its own."""
    return float((MATRIX @ MATRIX)[0, 0])


@case(3_000)
def numpy_small_steps(steps: int) -> float:
    """Many operations on small arrays: more Python than arithmetic."""
    point = np.zeros(3)
    for _ in range(steps):
        point = point * 0.99 + 0.01
    return float(point[0])
