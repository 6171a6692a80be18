"""What it costs to reach a lane of this runner: the advice weighs a task's time against it.

The readings are taken once, in a quiet moment, and take some milliseconds in all. Medians are told:
a moment in which somebody else had the processor says nothing about a lane.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from laneway._codec import decoder, encode

if TYPE_CHECKING:
    from laneway._bridge import ProfileBook

ROUNDS = 25
COROUTINES = 20
MEBIBYTE = 1 << 20


async def calibrate(book: ProfileBook) -> None:
    """Measures the costs and tells them to the supervisor.

    Args:
        book: Where they are told.
    """
    async_ns = statistics.median([await _coroutines() for _ in range(ROUNDS)])
    with ThreadPoolExecutor(1, "laneway-calibration") as pool:
        await _call(pool)
        thread_ns = statistics.median([await _call(pool) for _ in range(ROUNDS)])
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    book.calibrate(int(async_ns), int(thread_ns), _serialisation(), has_gil)


async def _nothing() -> None:
    pass


async def _coroutines() -> float:
    started_ns = time.perf_counter_ns()
    for _ in range(COROUTINES):
        await asyncio.create_task(_nothing())
    return (time.perf_counter_ns() - started_ns) / COROUTINES


async def _call(pool: ThreadPoolExecutor) -> int:
    started_ns = time.perf_counter_ns()
    await asyncio.get_running_loop().run_in_executor(pool, int)
    return time.perf_counter_ns() - started_ns


def _serialisation() -> int:
    value, decode = bytes(MEBIBYTE), decoder(bytes)
    started_ns = time.perf_counter_ns()
    decode(encode(value))
    return time.perf_counter_ns() - started_ns
