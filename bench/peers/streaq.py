"""streaq on Redis streams: coroutines on the event loop of a process."""

from __future__ import annotations

import asyncio
import sys

from streaq import Worker

from peers.ran import ran
from peers.stores import STORE, waiting_in_streams

DISTRIBUTIONS = ("streaq", "coredis")
JOBS = 5_000
PROCESSES = 1
SETTING = "streams, no results, concurrency 100, uvloop; `enqueue_many`"

app: Worker[None] = Worker(
    redis_url=STORE, queue_name="peers", concurrency=100, anyio_kwargs={"use_uvloop": True}
)


@app.task(ttl=0)
async def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing."""


async def _enqueue(jobs: int) -> None:
    async with app:
        for start in range(0, jobs, 1000):
            numbers = range(start, min(start + 1000, jobs))
            await app.enqueue_many([nothing.enqueue(number) for number in numbers])


def enqueue(jobs: int) -> None:
    """A thousand in a pipeline."""
    asyncio.run(_enqueue(jobs))


def worker(processes: int) -> list[str]:
    """One process, by a program: its command writes two lines to the log for each job."""
    assert processes == 1, "one process a worker"
    return [sys.executable, "-c", "from peers.streaq import app; app.run_sync()"]


def left() -> int:
    """What its group has not read, or not acknowledged."""
    return waiting_in_streams()
