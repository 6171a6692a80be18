"""huey: threads or processes of one consumer, and a blocking pop for each job."""

from __future__ import annotations

from huey import RedisHuey

from peers.ran import ran
from peers.stores import STORE

DISTRIBUTIONS = ("huey", "redis")
JOBS = 20_000
PROCESSES = 4
SETTING = "`RedisHuey`, no results"

queue = RedisHuey("peers", url=STORE, results=False)


@queue.task()
def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing."""


def enqueue(jobs: int) -> None:
    """One by one."""
    for number in range(jobs):
        nothing(number)


def worker(processes: int) -> list[str]:
    """One consumer; more processes than cores, as each waits for the answer to every pop."""
    kind = "thread" if processes == 1 else "process"
    workers = ["--worker-type", kind, "--workers", str(processes)]
    # Of its two signals, this is the one that lets a running job end.
    return ["huey_consumer", "peers.huey.queue", *workers, "--quiet", "--graceful-signal", "TERM"]


def left() -> int:
    """What lies in its list."""
    return queue.pending_count()
