"""The tasks of the fault tests: each leaves a line in a journal when it starts.

The journal is a file opened for appending: short writes to it are atomic, and what was written
survives the death of the process that wrote it.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from laneway import Laneway, current

app = Laneway()
JOURNAL = Path(os.environ.get("FAULT_JOURNAL", os.devnull))


def journal(number: int) -> None:
    """Writes one line: number, job, attempt, process, time."""
    job = current.job
    write(JOURNAL, f"{number} {job.id} {job.attempt} {os.getpid()} {time.time():.6f}\n")


def write(path: Path, line: str) -> None:
    """Appends a line to a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


@app.task(max_interrupts=1_000_000)
async def waiting(number: int) -> int:
    """Waits a little."""
    journal(number)
    await asyncio.sleep(number % 20 / 1000)
    return number * 7


@app.task(lane="thread", max_interrupts=1_000_000)
def blocking(number: int) -> int:
    """Blocks a little."""
    journal(number)
    time.sleep(number % 20 / 1000)
    return number * 7


@app.task(lane="process", max_interrupts=1_000_000)
def computing(number: int) -> int:
    """Computes a little."""
    journal(number)
    end = time.process_time() + number % 5 / 1000
    while time.process_time() < end:
        sum(range(1000))
    return number * 7


@app.task(max_interrupts=1_000_000)
async def lasting(number: int, until: float) -> int:
    """Says ten times a second that it goes on, until then."""
    journal(number)
    while time.time() < until:
        write(JOURNAL.with_name("journal.ticks"), f"{time.time():.6f}\n")
        await asyncio.sleep(0.1)
    return number * 7


TASKS = (waiting, blocking, computing)
