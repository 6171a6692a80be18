"""Laneway and other queues, interleaved, on one server: jobs that do nothing.

Each round, each queue finds an empty store, is given a line of jobs in the fastest way it
documents, and then a worker that drains it. What is measured begins when a tenth of the line has
run, so that no start of a worker is in it. CPU time is that of the worker's whole tree and of the
server, until half a second after the last job, so that what is acknowledged late is in it. Every
job marks a byte of a shared file: one that is missing or runs twice shows.

The environment with the other queues is made at the first run, from requirements/peers.txt.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import harness
from peers_drain import Drains, Figures, Peer, PeerFailedError
from peers_environment import prepared

from servers import PostgresServer, RedisServer
from servers.programs import postgres_programs, redis_program

PEERS = {
    "redis": (
        *("laneway", "tarsk", "ardiq", "taskiq", "huey"),
        *("streaq", "celery", "dramatiq", "rq"),
    ),
    "postgres": ("laneway", "awa", "procrastinate", "pgqueuer"),
}
ABSENT = {
    "arq": "0.28 needs a redis-py below 6, and taskiq-redis one from 8 on",
    "SAQ": "0.26 needs a redis-py below 8, and taskiq-redis one from 8 on",
    "tarsk-postgres": "is installed over tarsk-redis: they are one package with another broker",
}
"""What cannot be installed beside the others, and why."""
COLUMNS: tuple[tuple[str, Callable[[Figures], float], str], ...] = (
    ("enqueue/s", lambda figures: figures.enqueue_rate, ",.0f"),
    ("producer us", lambda figures: figures.enqueue_cpu, ",.1f"),
    ("server us", lambda figures: figures.enqueue_server_cpu, ",.1f"),
    ("drain/s", lambda figures: figures.drain_rate, ",.0f"),
    ("worker us", lambda figures: figures.worker_cpu, ",.1f"),
    ("server us", lambda figures: figures.server_cpu, ",.1f"),
    ("idle MB", lambda figures: figures.idle_mb, ",.0f"),
    ("processes", lambda figures: figures.processes, ",.0f"),
    ("ran again", lambda figures: figures.ran_again, ",.0f"),
)


def spread(values: Sequence[float], form: str) -> str:
    """The median, and the least and the greatest where they differ from it."""
    low, middle, high = (
        format(value, form) for value in (min(values), statistics.median(values), max(values))
    )
    return middle if low == high else f"{middle} ({low}-{high})"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, in Markdown."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def rounds(drains: Drains, names: Sequence[str], options: argparse.Namespace) -> None:
    """Measures every queue in every round, then prints what came of it."""
    figures: dict[str, list[Figures]] = {name: [] for name in names}
    peers: dict[str, Peer] = {}
    failures: dict[str, str] = {}
    for number in range(options.rounds):
        # A queue is not always measured after the same other one.
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            if name in failures:
                continue
            try:
                peer = peers.get(name) or chosen(drains.about(name), options)
                peers[name] = peer
                figures[name].append(drains.measured(peer))
            except PeerFailedError as error:
                failures[name] = str(error)
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    head = ["queue", "jobs", *(title for title, _, _ in COLUMNS)]
    body = [
        [name, f"{peers[name].jobs:,}"]
        + [spread([value(each) for each in measured], form) for _, value, form in COLUMNS]
        for name, measured in figures.items()
        if name not in failures
    ]
    print(table([head, *body]))
    print()
    for peer in peers.values():
        print(f"{peer.name}: {peer.versions}; {peer.setting}; job processes: {peer.processes}")
    for name, why in failures.items():
        print(f"FAILED {name}: {why}")


def chosen(peer: Peer, options: argparse.Namespace) -> Peer:
    """A queue with what the command line says instead of its own numbers."""
    jobs = max(10, int(peer.jobs * options.scale))
    return dataclasses.replace(peer, jobs=jobs, processes=options.processes or peer.processes)


def version(program: Path) -> str:
    """What a server says of its version."""
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True)
    return said.stdout.strip()


def parsed() -> argparse.Namespace:
    """The command line."""
    everyone = [name for names in PEERS.values() for name in names]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stores", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--peers", nargs="+", choices=everyone, metavar="NAME", default=everyone)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of each queue's number of jobs")
    parser.add_argument("--processes", type=int, help="that run jobs, instead of each one's best")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a step may take")
    return parser.parse_args()


def main() -> None:
    """Prints a table for each kind of server."""
    options = parsed()
    # An end that is asked for must not leave a queue's worker behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    programs = prepared()
    harness.header("Jobs that do nothing, by Laneway and others, on one server")
    print(f"all queues on {version(programs / 'python')}; CPU in microseconds a job")
    print(f"median (least-greatest) of {options.rounds} rounds")
    print("not installed: " + "; ".join(f"{name} ({why})" for name, why in ABSENT.items()))
    for kind, everyone in PEERS.items():
        names = [name for name in everyone if name in options.peers]
        if kind not in options.stores or not names:
            continue
        program = redis_program() if kind == "redis" else postgres_programs().postgres
        print(f"\n{version(program)}\n")
        with RedisServer() if kind == "redis" else PostgresServer() as server:
            rounds(Drains(programs, server, options.limit), names, options)


if __name__ == "__main__":
    main()
