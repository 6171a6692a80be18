"""The tasks that the benchmarks run."""

from __future__ import annotations

import asyncio
import time

from laneway import Laneway

app = Laneway()


@app.task
async def nothing(number: int) -> None:
    """Does nothing: what remains is the engine's own cost."""


@app.task
async def stamp(sent: float) -> float:
    """Returns how long it took from the sender's clock to this line, in seconds."""
    return time.time() - sent


@app.task
async def wait(seconds: float) -> None:
    """Waits, as a call to an API would."""
    await asyncio.sleep(seconds)


@app.task
async def wait_from(sent: float, seconds: float) -> float:
    """Waits, and returns the time since the sender's clock, in seconds."""
    await asyncio.sleep(seconds)
    return time.time() - sent


def rounds_of_work(rounds: int) -> int:
    """Computes a fixed amount of work; a plain function, so that a pool can run it as well."""
    total = 0
    for _ in range(rounds):
        total += sum(i * i for i in range(500))
    return total


spin = app.task(lane="process", name="spin")(rounds_of_work)
