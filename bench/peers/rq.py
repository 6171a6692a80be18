"""RQ: workers that do not fork for each job, as its documentation advises for many small ones."""

from __future__ import annotations

from rq import Queue

from peers.ran import ran
from peers.stores import STORE, client

DISTRIBUTIONS = ("rq", "redis")
JOBS = 1_200
PROCESSES = 4
SETTING = "`SimpleWorker`, no results"


def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing."""


def enqueue(jobs: int) -> None:
    """A thousand at a time, in a pipeline."""
    queue = Queue(connection=client())
    for start in range(0, jobs, 1000):
        numbers = range(start, min(start + 1000, jobs))
        queue.enqueue_many(
            [Queue.prepare_data(nothing, (number,), result_ttl=0) for number in numbers]
        )


def worker(processes: int) -> list[str]:
    """A pool of workers."""
    return [
        *("rq", "worker-pool", "--url", STORE, "--num-workers", str(processes)),
        *("--worker-class", "rq.worker.SimpleWorker", "--quiet", "default"),
    ]


def left() -> int:
    """What lies in its list, or has begun."""
    queue = Queue(connection=client())
    return queue.count + queue.started_job_registry.count
