"""ardiq on Redis streams: a core in Rust, and coroutines on the event loop of a process."""

from __future__ import annotations

import asyncio

from ardiq import Ardiq

from peers.ran import ran
from peers.stores import STORE, waiting_in_streams

DISTRIBUTIONS = ("ardiq",)
JOBS = 40_000
PROCESSES = 2
SETTING = "streams, no results, concurrency 1000; `enqueue_many`"

app = Ardiq(redis_url=STORE, queue_name="peers", concurrency=1000, result_ttl_ms=0)


@app.task()
async def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing."""


async def _enqueue(jobs: int) -> None:
    for start in range(0, jobs, 1000):
        numbers = range(start, min(start + 1000, jobs))
        await app.enqueue_many(nothing.prepare(number) for number in numbers)


def enqueue(jobs: int) -> None:
    """A thousand in a round trip."""
    asyncio.run(_enqueue(jobs))


def worker(processes: int) -> list[str]:
    """One process, or several with a parent."""
    return ["ardiq", "run", "peers.ardiq:app", "--quiet", "--workers", str(processes)]


def left() -> int:
    """What its group has not read, or not acknowledged."""
    return waiting_in_streams()
