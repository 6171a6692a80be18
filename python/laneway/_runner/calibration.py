"""What it costs to reach a lane of this runner: the advice weighs a task's time against it.

The readings are taken once, in a quiet moment, and take some milliseconds in all. The least is
told: whatever else the machine did only adds to a reading. Calls are handed over many at once, as a
lane that is busy gets them: one alone would tell how long an idle processor takes to wake up.
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from laneway._codec import decoder, encode

if TYPE_CHECKING:
    from laneway._bridge import ProfileBook

ROUNDS = 25
COROUTINES = 20
CALLS = 20
MEBIBYTE = 1 << 20


async def calibrate(book: ProfileBook) -> None:
    """Measures the costs and tells them to the supervisor.

    Args:
        book: Where they are told.
    """
    async_ns = min([await _coroutines() for _ in range(ROUNDS)])
    with ThreadPoolExecutor(1, "laneway-calibration") as pool:
        thread_ns = min([await _calls(pool) for _ in range(ROUNDS)])
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    book.calibrate(int(async_ns), int(thread_ns), _serialisation(), has_gil)


async def _nothing() -> None:
    pass


async def _coroutines() -> float:
    started_ns = time.perf_counter_ns()
    for _ in range(COROUTINES):
        await asyncio.create_task(_nothing())
    return (time.perf_counter_ns() - started_ns) / COROUTINES


async def _calls(pool: ThreadPoolExecutor) -> float:
    loop = asyncio.get_running_loop()
    started_ns = time.perf_counter_ns()
    await asyncio.gather(*(loop.run_in_executor(pool, int) for _ in range(CALLS)))
    return (time.perf_counter_ns() - started_ns) / CALLS


def _serialisation() -> int:
    value, decode = bytes(MEBIBYTE), decoder(bytes)
    started_ns = time.perf_counter_ns()
    decode(encode(value))
    return time.perf_counter_ns() - started_ns
