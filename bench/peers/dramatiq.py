"""dramatiq: threads of worker processes."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from peers.ran import ran
from peers.stores import STORE, client

DISTRIBUTIONS = ("dramatiq", "redis")
JOBS = 10_000
PROCESSES = 4
SETTING = "8 threads a process"

dramatiq.set_broker(RedisBroker(url=STORE))


@dramatiq.actor
def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing."""


def enqueue(jobs: int) -> None:
    """One by one: it has no call for many."""
    for number in range(jobs):
        nothing.send(number)


def worker(processes: int) -> list[str]:
    """Its default is a process a core with eight threads each."""
    return ["dramatiq", "peers.dramatiq", "--processes", str(processes), "--threads", "8"]


def left() -> int:
    """What lies in its list, or is not acknowledged."""
    with client() as server:
        taken = sum(server.scard(key) for key in server.scan_iter("dramatiq:__acks__.*"))
        return server.llen("dramatiq:default") + taken
