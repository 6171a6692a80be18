"""taskiq on Redis streams: coroutines of worker processes."""

from __future__ import annotations

import asyncio

from taskiq_redis import RedisStreamBroker

from peers.ran import ran
from peers.stores import STORE, waiting_in_streams

DISTRIBUTIONS = ("taskiq", "taskiq-redis", "redis")
JOBS = 15_000
PROCESSES = 2
SETTING = "streams, no results, defaults, uvloop"

broker = RedisStreamBroker(STORE)


@broker.task
async def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing: the worker makes the group."""


async def _enqueue(jobs: int) -> None:
    await broker.startup()
    for start in range(0, jobs, 100):
        numbers = range(start, min(start + 100, jobs))
        await asyncio.gather(*(nothing.kiq(number) for number in numbers))
    await broker.shutdown()


def enqueue(jobs: int) -> None:
    """A hundred at a time: it has no call for many."""
    asyncio.run(_enqueue(jobs))


def worker(processes: int) -> list[str]:
    """A parent and its processes."""
    options = ["--workers", str(processes), "--log-level", "WARNING"]
    return ["taskiq", "worker", "peers.taskiq:broker", *options]


def left() -> int:
    """What its group has not read, or not acknowledged."""
    return waiting_in_streams()
