"""awa: a core in Rust, and coroutines on the event loop of the process that starts it."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass

import psycopg
from awa import AsyncClient, Job

from peers.ran import ran
from peers.stores import STORE

DISTRIBUTIONS = ("awa-pg",)
JOBS = 10_000
PROCESSES = 1
SETTING = "1000 workers; `enqueue_many_copy`"


@dataclass
class Nothing:
    """The arguments of the job."""

    number: int


async def nothing(job: Job[Nothing]) -> None:
    """Marks that it ran."""
    ran(job.args.number)


async def _prepare() -> None:
    async with AsyncClient(STORE) as client:
        await client.migrate()
        client.task(Nothing)(nothing)
        # The first worker of a database activates the storage that the fast enqueueing needs.
        await client.start([("default", 1)])
        await client.shutdown()


def prepare() -> None:
    """Its schema and storage."""
    asyncio.run(_prepare())


async def _enqueue(jobs: int) -> None:
    async with AsyncClient(STORE) as client:
        for start in range(0, jobs, 1000):
            numbers = range(start, min(start + 1000, jobs))
            await client.enqueue_many_copy([Nothing(number) for number in numbers])


def enqueue(jobs: int) -> None:
    """A thousand in a COPY."""
    asyncio.run(_enqueue(jobs))


async def _run() -> None:
    async with AsyncClient(STORE, max_connections=20) as client:
        client.task(Nothing)(nothing)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await client.start([("default", 1000)])
        await stop.wait()
        await client.shutdown()


def worker(processes: int) -> list[str]:
    """It has no command for a worker: a program starts one."""
    assert processes == 1, "one process a worker"
    return [sys.executable, "-m", "peers.awa"]


def left() -> int:
    """What its statistics count as not ended."""
    return asyncio.run(_left())


async def _left() -> int:
    # Its statistics are joins of tables of which the server has no statistics yet; without these it
    # takes minutes over them.
    with psycopg.connect(STORE, autocommit=True) as server:
        server.execute("ANALYZE")
    async with AsyncClient(STORE) as client:
        queues = await client.queue_stats()
        return sum(queue.available + queue.running + queue.retryable for queue in queues)


if __name__ == "__main__":
    asyncio.run(_run())
