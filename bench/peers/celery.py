"""Celery: a prefork pool."""

from __future__ import annotations

from celery import Celery

from peers.ran import ran
from peers.stores import STORE, client

DISTRIBUTIONS = ("celery", "kombu", "redis")
JOBS = 3_000
PROCESSES = 2
SETTING = "prefork, no results, prefetch 100, no gossip, mingle or heartbeat"

app = Celery("peers", broker=STORE)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=100,
)


@app.task
def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing."""


def enqueue(jobs: int) -> None:
    """One by one, by one producer: it has no call for many."""
    with app.producer_or_acquire() as producer:
        for number in range(jobs):
            nothing.apply_async((number,), producer=producer)


def worker(processes: int) -> list[str]:
    """A parent that takes messages, and its children."""
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    pool = ["--pool", "prefork", "--concurrency", str(processes), "--loglevel", "WARNING"]
    return ["celery", "--app", "peers.celery", "worker", *pool, *options]


def left() -> int:
    """What lies in its list, or is not acknowledged."""
    with client() as server:
        return server.llen("celery") + server.hlen("unacked")
