"""Procrastinate: coroutines of one worker, a query for each job."""

from __future__ import annotations

import asyncio

from procrastinate import App, PsycopgConnector

from peers.ran import ran
from peers.stores import STORE, count

DISTRIBUTIONS = ("procrastinate", "psycopg")
JOBS = 2_000
PROCESSES = 1
SETTING = "concurrency 20; `batch_defer`"

app = App(connector=PsycopgConnector(conninfo=STORE))


@app.task(name="nothing")
async def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


async def _prepare() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


def prepare() -> None:
    """Its schema."""
    asyncio.run(_prepare())


async def _enqueue(jobs: int) -> None:
    async with app.open_async():
        for start in range(0, jobs, 1000):
            numbers = range(start, min(start + 1000, jobs))
            await nothing.batch_defer_async(*({"number": number} for number in numbers))


def enqueue(jobs: int) -> None:
    """A thousand in a statement."""
    asyncio.run(_enqueue(jobs))


def worker(processes: int) -> list[str]:
    """One process; Procrastinate has no pool of them."""
    assert processes == 1, "one process a worker"
    return ["procrastinate", "--app", "peers.procrastinate.app", "worker", "--concurrency", "20"]


def left() -> int:
    """What has not succeeded."""
    return count("SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'")
