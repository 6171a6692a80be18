"""tarsk on Redis streams: a supervisor in Rust, and coroutines in child processes."""

from __future__ import annotations

from tarsk import App

from peers.ran import ran
from peers.stores import STORE, waiting_in_streams

DISTRIBUTIONS = ("tarsk-redis",)
JOBS = 40_000
PROCESSES = 1
SETTING = "streams, no results, defaults"

app = App(broker=STORE)


@app.task()
async def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing."""


def enqueue(jobs: int) -> None:
    """One by one: it has no call for many."""
    for number in range(jobs):
        nothing.send(number)


def worker(processes: int) -> list[str]:
    """A supervisor and its children."""
    where = ["--app", "peers.tarsk:app", "--broker", STORE]
    return ["tarsk", "worker", *where, "--children", str(processes)]


def left() -> int:
    """What its group has not read, or not acknowledged."""
    return waiting_in_streams()
