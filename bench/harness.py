"""What every benchmark here shares: a worker as a real process, and honest accounting of its tree.

CPU time and memory are read from /proc for the supervisor and all its descendants, so they include
every runner. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from servers import RedisServer

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")


def laneway_command() -> list[str]:
    """The installed `laneway` command of this environment."""
    script = Path(sysconfig.get_path("scripts")) / "laneway"
    return [str(script)] if script.exists() else [sys.executable, "-m", "laneway"]


def header(title: str) -> None:
    """Prints what a reader needs to judge the figures: machine, commit and command."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    print(f"# {title}")
    print(f"machine: {os.cpu_count()} x {model}, Linux {platform.release()}")
    print(f"python:  {platform.python_implementation()} {platform.python_version()}")
    print(f"commit:  {commit or 'unknown'}   load: {os.getloadavg()[0]:.1f}")
    print(f"command: python {' '.join(sys.argv)}\n")


def cli(store: str, *arguments: str) -> str:
    """Runs a `laneway` command and gives its standard output."""
    command = [*laneway_command(), "--store", store, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def children(pid: int) -> list[int]:
    """Process ids of all descendants of a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *children(int(child))]
    return found


@dataclass
class Usage:
    """What a process tree has used."""

    cpu_s: float
    pss_mb: float
    processes: int


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended; zero when it is gone."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / TICKS
    return 0.0


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process, of all its descendants, and of those of them that have ended."""
    return sum(map(cpu_s, [pid, *children(pid)]))


def usage(pid: int) -> Usage:
    """CPU seconds, proportional memory and the number of processes of a tree."""
    cpu, pss, count = 0.0, 0.0, 0
    for process in [pid, *children(pid)]:
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            cpu += sum(map(int, fields[11:15])) / TICKS
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            pss += int(rollup.split("Pss:", 1)[1].split()[0]) / 1024
            count += 1
    return Usage(cpu, pss, count)


class Worker:
    """A `laneway worker` on a store of its own."""

    def __init__(self, app: Path, store: str, *arguments: str, trace: bool = False) -> None:
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [*laneway_command(), "--store", store, "--json", "worker", str(app), *arguments],
            stdout=subprocess.PIPE,
            stderr=None if trace else subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        self.ready_s = self._wait_ready()

    def _wait_ready(self) -> float:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if json.loads(line).get("event") == "ready":
                return time.perf_counter() - self.began
        message = f"the worker ended with {self.process.wait()} before it was ready"
        raise RuntimeError(message)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self.process.pid

    def usage(self) -> Usage:
        """What the worker's whole tree has used."""
        return usage(self.pid)

    def stop(self) -> None:
        """Drains the worker."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


@contextlib.contextmanager
def worker(app: Path, store: str, *arguments: str) -> Generator[Worker]:
    """A worker for the length of a block."""
    running = Worker(app, store, *arguments)
    try:
        yield running
    finally:
        running.stop()


@dataclass
class OwnStore:
    """A store of a benchmark's own, and the process that serves it, if one does."""

    url: str
    server: int | None = None

    def server_cpu_s(self) -> float:
        """CPU seconds that the server has used; zero for a store without one."""
        return 0.0 if self.server is None else cpu_s(self.server)


@contextlib.contextmanager
def fresh_server(kind: str) -> Generator[OwnStore]:
    """A new store of a kind: `sqlite`, or a `redis` that is started for it and ended."""
    if kind == "sqlite":
        with fresh_store() as url:
            yield OwnStore(url)
        return
    with RedisServer() as server:
        yield OwnStore(server.url, server.pid)


@contextlib.contextmanager
def fresh_store(durability: str = "os") -> Generator[str]:
    """The URL of a new SQLite store that is deleted afterwards."""
    folder = tempfile.mkdtemp(prefix="laneway-bench-")
    try:
        yield f"sqlite:///{folder}/bench.db?durability={durability}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def arguments(description: str | None, **defaults: int | str) -> argparse.Namespace:
    """Options of whole numbers and of words, with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return parser.parse_args()
