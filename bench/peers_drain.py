"""One drain of one queue, for `peers_side_by_side.py`: what it is given, and what is measured."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness

from servers import PostgresServer, RedisServer

WARM_SHARE = 0.1
"""What has run of a line before the measurement begins."""
LATE_S = 0.5
"""What is acknowledged in batches is acknowledged by then."""
LEFT_S = 20.0
STOP_S = 20.0
POLL_S = 0.01


class PeerFailedError(Exception):
    """A queue did not do what it was asked; the others go on."""


@dataclass(frozen=True)
class Peer:
    """A queue, as it tells of itself."""

    name: str
    versions: str
    jobs: int
    processes: int
    setting: str


@dataclass(frozen=True)
class Figures:
    """What one drain of one queue came to; CPU times are microseconds a job."""

    enqueue_rate: float
    enqueue_cpu: float
    enqueue_server_cpu: float
    drain_rate: float
    worker_cpu: float
    server_cpu: float
    idle_mb: float
    processes: float
    ran_again: float


@dataclass(frozen=True)
class Sample:
    """The state of a drain at a moment."""

    at: float
    jobs: int
    worker_s: float
    server_s: float


class Drains:
    """One server, and a folder for what the workers say and mark."""

    def __init__(
        self, programs: Path, server: RedisServer | PostgresServer, limit_s: float
    ) -> None:
        """Prepare drains on a running server; none of their steps may take over `limit_s`."""
        self.programs = programs
        self.server = server
        self.limit_s = limit_s
        # A database of PostgreSQL is dropped after each drain, so it is not the server's first.
        is_redis = isinstance(server, RedisServer)
        store = server.url if is_redis else f"{server.url.rpartition('/')[0]}/peers"
        self._folder = tempfile.TemporaryDirectory(prefix="laneway-peers-")
        self._ran = Path(self._folder.name, "ran")
        self._log = Path(self._folder.name, "log")
        self._environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(harness.HERE),
            "PEERS_STORE": store,
        }

    def about(self, name: str) -> Peer:
        """Asks a queue about itself."""
        return Peer(name, **self._python("peers.roles", name, "about"))

    def measured(self, peer: Peer) -> Figures:
        """Gives a queue a line of jobs and then a worker."""
        self._python("peers.stores")
        self._ran.write_bytes(bytes(peer.jobs))
        self._python("peers.roles", peer.name, "prepare")
        before = self._server_s()
        added = self._python("peers.roles", peer.name, "enqueue", str(peer.jobs))
        enqueue_server_s = self._server_s() - before
        with self._marks() as marks, self._worker(peer) as worker:
            warm = self._warm(worker, marks)
            ended = self._all_ran(worker, marks)
            time.sleep(LATE_S)
            late = self._sample(worker, marks)
            idle = harness.usage(worker.pid)
            self._settled(peer)
            ran_again = sum(marks[:]) - peer.jobs
        rest = peer.jobs - warm.jobs
        return Figures(
            enqueue_rate=peer.jobs / added["seconds"],
            enqueue_cpu=added["cpu_s"] / peer.jobs * 1e6,
            enqueue_server_cpu=enqueue_server_s / peer.jobs * 1e6,
            drain_rate=rest / (ended - warm.at),
            worker_cpu=(late.worker_s - warm.worker_s) / rest * 1e6,
            server_cpu=(late.server_s - warm.server_s) / rest * 1e6,
            idle_mb=idle.pss_mb,
            processes=idle.processes,
            ran_again=ran_again,
        )

    def _python(self, *words: str) -> Any:  # noqa: ANN401 - whatever the role answers
        command = [str(self.programs / "python"), "-m", *words]
        what = " ".join(words)
        try:
            ended = subprocess.run(
                command,
                cwd=self._folder.name,
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=self.limit_s,
            )
        except subprocess.TimeoutExpired:
            raise PeerFailedError(f"`{what}` took over {self.limit_s:.0f} s") from None
        if ended.returncode != 0:
            raise PeerFailedError(f"`{what}` failed:\n{ended.stderr[-2000:]}")
        return json.loads(ended.stdout.splitlines()[-1]) if ended.stdout else None

    def _server_s(self) -> float:
        return harness.tree_cpu_s(self.server.pid)

    def _sample(self, worker: subprocess.Popen[bytes], marks: mmap.mmap) -> Sample:
        jobs = len(marks) - marks[:].count(0)
        return Sample(time.perf_counter(), jobs, harness.tree_cpu_s(worker.pid), self._server_s())

    @contextlib.contextmanager
    def _marks(self) -> Generator[mmap.mmap]:
        with self._ran.open("r+b") as file, mmap.mmap(file.fileno(), 0) as marks:
            yield marks

    @contextlib.contextmanager
    def _worker(self, peer: Peer) -> Generator[subprocess.Popen[bytes]]:
        command = self._python("peers.roles", peer.name, "worker", str(peer.processes))
        with self._log.open("wb") as log:
            worker = subprocess.Popen(
                command,
                cwd=self._folder.name,
                env={**self._environment, "PEERS_RAN": str(self._ran)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield worker
            worker.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(STOP_S)
        finally:
            # Whatever is left of its processes would run into the next queue's measurement.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    def _warm(self, worker: subprocess.Popen[bytes], marks: mmap.mmap) -> Sample:
        for _ in self._polls(worker, marks):
            if len(marks) - marks[:].count(0) >= len(marks) * WARM_SHARE:
                break
        return self._sample(worker, marks)

    def _all_ran(self, worker: subprocess.Popen[bytes], marks: mmap.mmap) -> float:
        missing = 0
        for _ in self._polls(worker, marks):
            missing = marks.find(b"\0", missing)
            if missing < 0:
                break
        return time.perf_counter()

    def _polls(self, worker: subprocess.Popen[bytes], marks: mmap.mmap) -> Generator[None]:
        deadline = time.monotonic() + self.limit_s
        while True:
            yield
            if worker.poll() is not None or time.monotonic() > deadline:
                ran = len(marks) - marks[:].count(0)
                why = "ended" if worker.poll() is not None else f"was given {self.limit_s:.0f} s"
                said = self._log.read_text(errors="replace")[-2000:]
                raise PeerFailedError(f"its worker {why} and ran {ran} of {len(marks)}:\n{said}")
            time.sleep(POLL_S)

    def _settled(self, peer: Peer) -> None:
        deadline = time.monotonic() + LEFT_S
        while left := self._python("peers.roles", peer.name, "left"):
            if time.monotonic() > deadline:
                raise PeerFailedError(f"all jobs ran, and {left} are not acknowledged")
