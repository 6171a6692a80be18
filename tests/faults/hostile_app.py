"""Tasks that behave as badly as tasks can."""

from __future__ import annotations

import asyncio
import ctypes
import time

from laneway import Laneway

app = Laneway()


def hold_the_gil(seconds: int) -> None:
    """One C call that holds the GIL throughout: `sleep` of the C library through `PyDLL`."""
    ctypes.PyDLL(None).sleep(seconds)


@app.task
async def hogs_in_async(seconds: int) -> str:
    hold_the_gil(seconds)
    return "done"


@app.task(lane="process")
def hogs_in_process(seconds: int) -> str:
    hold_the_gil(seconds)
    return "done"


@app.task(lane="process", max_interrupts=2)
def leaks() -> None:
    kept: list[bytearray] = []
    while True:
        kept.append(bytearray(4 << 20))
        time.sleep(0.002)


@app.task(lane="process", max_interrupts=2)
def segfaults() -> None:
    ctypes.string_at(0)


@app.task(max_interrupts=2)
async def segfaults_in_async() -> None:
    ctypes.string_at(0)


@app.task(timeout="300ms", grace="500ms")
async def swallows_cancellation() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


@app.task(lane="process", on_interrupt="park")
def pays() -> None:
    ctypes.string_at(0)


@app.task
async def neighbour(number: int) -> int:
    await asyncio.sleep(0.05)
    return number


@app.task(lane="process")
def computing_neighbour(number: int) -> int:
    return sum(range(number))
