"""Loads whose times are known, and neighbours that get in their way: what a meter is held to.

The meter's tests use them, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Coroutine, Generator
from typing import Any

MS = 1_000_000
HOG = "print(flush=True)\nwhile True: pass"


def burn(milliseconds: float) -> None:
    """Uses the CPU for a known time."""
    until = time.thread_time_ns() + milliseconds * MS
    while time.thread_time_ns() < until:
        pass


def block(milliseconds: float) -> None:
    """Blocks the loop for a known time."""
    time.sleep(milliseconds / 1e3)


async def known(cpu_ms: float, block_ms: float, await_ms: float) -> int:
    """Ten times a tenth of each; gives the CPU time that it really took, in nanoseconds.

    That is all of its steps: to be put to sleep and woken takes CPU as well, and more of it on a
    machine whose caches others use.
    """
    return await _timed(_tenths(cpu_ms, block_ms, await_ms))


async def _tenths(cpu_ms: float, block_ms: float, await_ms: float) -> None:
    for _ in range(10):
        burn(cpu_ms / 10)
        if block_ms:
            block(block_ms / 10)
        if await_ms:
            await asyncio.sleep(await_ms / 1e4)


@types.coroutine
def _timed(coroutine: Coroutine[Any, None, None]) -> Generator[Any, None, int]:
    """Drives a coroutine; gives the CPU time of its steps."""
    cpu = 0
    while True:
        before = time.thread_time_ns()
        try:
            waited_for = coroutine.send(None)
        except StopIteration:
            return cpu + time.thread_time_ns() - before
        cpu += time.thread_time_ns() - before
        yield waited_for


@contextlib.contextmanager
def gil_hog() -> Generator[None]:
    """A thread that always wants the GIL."""
    is_over = threading.Event()

    def hog() -> None:
        while not is_over.is_set():
            pass

    thread = threading.Thread(target=hog)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextlib.contextmanager
def cpu_hogs(count: int) -> Generator[None]:
    """Processes that compute, on one processor with this thread where the system can pin them."""
    with contextlib.ExitStack() as stack:
        if hasattr(os, "sched_setaffinity"):
            before = os.sched_getaffinity(0)
            stack.callback(os.sched_setaffinity, 0, before)
            os.sched_setaffinity(0, {min(before)})
        for _ in range(count):
            hog = subprocess.Popen([sys.executable, "-c", HOG], stdout=subprocess.PIPE)
            stack.enter_context(hog)
            stack.callback(hog.kill)
            assert hog.stdout is not None
            assert hog.stdout.readline() == b"\n"
        yield
