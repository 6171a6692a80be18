"""PgQueuer: coroutines of one worker, which takes and reports jobs in batches."""

from __future__ import annotations

import asyncio
import signal
import sys

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from peers.ran import ran
from peers.stores import STORE, count

DISTRIBUTIONS = ("pgqueuer", "asyncpg")
JOBS = 40_000
PROCESSES = 1
SETTING = "batches of 1000, uvloop"


async def nothing(job: Job) -> None:
    """Marks that it ran."""
    assert job.payload is not None
    ran(int(job.payload))


async def _prepare() -> None:
    await Queries(AsyncpgDriver(await asyncpg.connect(STORE))).install()


def prepare() -> None:
    """Its schema."""
    asyncio.run(_prepare())


async def _enqueue(jobs: int) -> None:
    queries = Queries(AsyncpgDriver(await asyncpg.connect(STORE)))
    for start in range(0, jobs, 1000):
        numbers = range(start, min(start + 1000, jobs))
        payloads: list[bytes | None] = [str(number).encode() for number in numbers]
        await queries.enqueue(["nothing"] * len(payloads), payloads, [0] * len(payloads))


def enqueue(jobs: int) -> None:
    """A thousand in a statement."""
    asyncio.run(_enqueue(jobs))


async def _run() -> None:
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(STORE)))
    queue.entrypoint("nothing")(nothing)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queue.shutdown.set)
    await queue.run(batch_size=1000)


def worker(processes: int) -> list[str]:
    """One process; its command `pgq run` fails with the version of typer that it is locked with."""
    assert processes == 1, "one process a worker"
    return [sys.executable, "-m", "peers.pgqueuer"]


def left() -> int:
    """What is still in its table: an ended job is in its log."""
    return count("SELECT count(*) FROM pgqueuer")


if __name__ == "__main__":
    uvloop.run(_run())
