"""The main job, watched: all three kinds of work in one worker that is killed half-way.

The work waits, blocks and computes. `make demo` runs this. It starts a real HTTP API and a real
worker as processes of their own, enqueues every job durably into a fresh SQLite file, kills the
whole worker with SIGKILL in the middle, starts another one, and ends with an audit: what ran where,
how long it took, what was lost, what ran twice.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from live import Board
from report import Figures, estimate_sequential, read_jobs, show_advice, show_report
from sources import source_files

from laneway import Job, JobFailed

HERE = Path(__file__).resolve().parent
API_RATE = 400
LEASE = "5s"


@dataclass
class Scale:
    """How much work the demo does."""

    updates: int
    reports: int
    notices: int
    source_bytes: int


@dataclass
class Line:
    """The jobs of one task."""

    task: str
    lane: str
    jobs: list[Job[object]] = field(default_factory=list[Job[object]])
    done: int = 0
    failed: int = 0


@contextmanager
def api_server() -> Generator[str]:
    """The HTTP API as a process of its own; gives its address."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "api_server.py"), "--rate", str(API_RATE)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


def laneway_command() -> list[str]:
    """The `laneway` command of this environment."""
    script = Path(sysconfig.get_path("scripts")) / "laneway"
    return [str(script)] if script.exists() else [sys.executable, "-m", "laneway"]


def start_worker(log: Path) -> subprocess.Popen[bytes]:
    """A worker in a process group of its own, so that all of it can be killed at once."""
    arguments = ["worker", str(HERE / "tasks.py"), "--lease", LEASE, "--sweep-every", "1s"]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*laneway_command(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def stop_worker(worker: subprocess.Popen[bytes], how: signal.Signals) -> int:
    """Ends a worker: SIGTERM drains it, SIGKILL takes its whole process group at once."""
    if how is signal.SIGKILL:
        os.killpg(worker.pid, how)
    else:
        worker.send_signal(how)
    return worker.wait(timeout=60)


async def enqueue_all(scale: Scale) -> list[Line]:
    """Puts every job into the store; from here on none may be lost."""
    import tasks  # noqa: PLC0415 - it reads the API's address from the environment

    lines = [
        Line("update_record", "async"),
        Line("fetch_report", "thread"),
        Line("digest_source", "process"),
        Line("notify_mirror", "process"),
    ]
    calls = (
        (tasks.update_record.call(n) for n in range(scale.updates)),
        (tasks.fetch_report.call(n) for n in range(scale.reports)),
        (tasks.digest_source.call(path) for path in source_files(scale.source_bytes)),
        (tasks.notify_mirror.call(n) for n in range(scale.notices)),
    )
    for line, wanted in zip(lines, calls, strict=True):
        line.jobs = list(await tasks.app.enqueue_many(wanted))
    return lines


async def follow(line: Line, job: Job[object]) -> None:
    """Counts one job when it has ended."""
    try:
        await job.result(timeout=600)
    except JobFailed:
        line.failed += 1
    line.done += 1


async def until(condition: Callable[[], bool], board: Board) -> None:
    """Redraws the board until something is so."""
    while not condition():
        board.draw()
        await asyncio.sleep(0.1)
    board.draw()


async def run_all(lines: list[Line], log: Path, board: Board) -> float:
    """Runs every job, with a worker that is killed and a second one; gives the seconds it took."""
    began = time.perf_counter()
    total = sum(len(line.jobs) for line in lines)
    followers = [asyncio.ensure_future(follow(line, job)) for line in lines for job in line.jobs]

    def done() -> int:
        return sum(line.done for line in lines)

    worker = start_worker(log)
    try:
        await until(lambda: done() >= total * 0.4, board)
        stop_worker(worker, signal.SIGKILL)
        killed_after = f"{done():,} of {total:,} jobs"
        board.note(f"kill -9 of the whole worker after {killed_after}; nobody works now")
        await until(lambda: board.seconds_since_note() > 2, board)
        worker = start_worker(log)
        board.note(f"a new worker starts; the dead one's jobs follow when its lease ({LEASE}) ends")
        await until(lambda: done() == total, board)
        await asyncio.gather(*followers)
        seconds = time.perf_counter() - began
        stop_worker(worker, signal.SIGTERM)
        return seconds
    finally:
        if worker.poll() is None:
            stop_worker(worker, signal.SIGKILL)


async def demo(scale: Scale, folder: Path) -> int:
    """The whole demo; gives the exit status."""
    store = f"sqlite:///{folder}/demo.db"
    os.environ["LANEWAY_STORE"] = store
    with api_server() as address:
        os.environ["DEMO_API"] = address
        print(f"API      {address}  about 200 ms slow, refuses above {API_RATE}/s")
        print(f"store    {store}")
        lines = await enqueue_all(scale)
        counts = ", ".join(f"{len(line.jobs):,} {line.task}" for line in lines)
        print(f"enqueued {counts}\n")
        log = folder / "worker.log"
        board = Board([(line.task, line.lane, len(line.jobs)) for line in lines])
        board.counts = lambda: [line.done for line in lines]
        seconds = await run_all(lines, log, board)
        stats = (await asyncio.to_thread(requests.get, f"{address}/stats", timeout=10)).json()
        print("\nmeasuring a sample of the same work in plain sequential Python …")
        sequential = estimate_sequential(
            address, [len(line.jobs) for line in lines], scale.source_bytes
        )
    figures = Figures(
        jobs=read_jobs(laneway_command(), store),
        enqueued={line.task: [str(job.id) for job in line.jobs] for line in lines},
        lanes={line.task: line.lane for line in lines},
        seconds=seconds,
        sequential=sequential,
        api=stats,
    )
    status = show_report(figures)
    show_advice(laneway_command(), store)
    return status


def main() -> int:
    """Reads the command line and runs the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=2400, help="async API calls")
    parser.add_argument("--reports", type=int, default=800, help="blocking API calls")
    parser.add_argument("--notices", type=int, default=40, help="API calls in the wrong lane")
    parser.add_argument("--source-mb", type=float, default=14, help="megabytes of Python to digest")
    options = parser.parse_args()
    scale = Scale(options.updates, options.reports, options.notices, int(options.source_mb * 1e6))
    with tempfile.TemporaryDirectory(prefix="laneway-demo-") as folder:
        return asyncio.run(demo(scale, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
