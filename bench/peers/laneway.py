"""Laneway itself, on either store: coroutines on the one event loop of a worker."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from laneway import Laneway
from peers.ran import ran
from peers.stores import KIND, STORE

DISTRIBUTIONS = ("laneway",)
JOBS = 200_000 if KIND == "redis" else 100_000
PROCESSES = 1
SETTING = "defaults; `enqueue_many`"

app = Laneway(store=STORE)


@app.task
async def nothing(number: int) -> None:
    """Marks that it ran."""
    ran(number)


def prepare() -> None:
    """Nothing: the first client creates what the store needs."""


def enqueue(jobs: int) -> None:
    """Streams calls to the store, as for any large number of jobs."""
    asyncio.run(app.enqueue_many((nothing.call(i) for i in range(jobs)), ids=False))


def worker(processes: int) -> list[str]:
    """One worker; coroutines all run on one loop, whatever the number of processes."""
    command = [str(Path(sys.executable).with_name("laneway")), "--store", STORE, "worker"]
    return [*command, "peers.laneway:app", "--concurrency-process", str(processes)]


def left() -> int:
    """What has not succeeded, by the command."""
    command = [str(Path(sys.executable).with_name("laneway")), "--store", STORE]
    said = subprocess.run(
        [*command, "--json", "queues", "list"], check=True, capture_output=True, text=True
    ).stdout
    counts = [json.loads(line)["counts"] for line in said.splitlines()]
    return sum(number for each in counts for state, number in each.items() if state != "succeeded")
