"""What the benchmark asks of a queue, each in a process of its own: `python -m peers.roles`.

Its arguments are a queue's name and `about`, `prepare`, `enqueue JOBS`, `worker PROCESSES` or
`left`; it prints one line of JSON. The store to use is in `PEERS_STORE`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
import time
from typing import Protocol, cast


class Peer(Protocol):
    """What a file of this package says of its queue."""

    DISTRIBUTIONS: tuple[str, ...]
    """What is installed from the index, the queue itself first."""
    JOBS: int
    """How many jobs it drains in a few seconds."""
    PROCESSES: int
    """How many of its processes run jobs, unless the command line says otherwise: of 1, 2 and 4 the
    fewest that drained within a tenth of the most, on two cores which the server shares."""
    SETTING: str
    """How it is set up, in a few words for the table's reader."""

    @staticmethod
    def prepare() -> None:
        """Creates what the store must hold before anything else; not measured."""

    @staticmethod
    def enqueue(jobs: int) -> None:
        """Adds jobs 0 to `jobs` in the fastest way the queue documents, and waits for the store."""

    @staticmethod
    def worker(processes: int) -> list[str]:
        """The command that runs the jobs until it is sent a SIGTERM."""

    @staticmethod
    def left() -> int:
        """How many jobs the store still holds as waiting, running or not acknowledged."""


def about(peer: Peer) -> dict[str, object]:
    """What the table says of a queue."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in peer.DISTRIBUTIONS]
    return {
        "versions": ", ".join(versions),
        "jobs": peer.JOBS,
        "processes": peer.PROCESSES,
        "setting": peer.SETTING,
    }


def enqueued(peer: Peer, jobs: int) -> dict[str, float]:
    """How long it took to add jobs, and the CPU time of the producer."""
    began, cpu = time.perf_counter(), time.process_time()
    peer.enqueue(jobs)
    return {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}


def main(name: str, role: str, *values: str) -> None:
    """Plays one role of one queue."""
    peer = cast("Peer", importlib.import_module(f"peers.{name}"))
    answer: object = None
    if role == "about":
        answer = about(peer)
    elif role == "prepare":
        peer.prepare()
    elif role == "enqueue":
        answer = enqueued(peer, int(values[0]))
    elif role == "worker":
        answer = peer.worker(int(values[0]))
    elif role == "left":
        answer = peer.left()
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
