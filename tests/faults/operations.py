"""Ways to break a running system, and that system: a producer and a worker on one store."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


def laneway_command() -> list[str]:
    """The `laneway` command of this environment."""
    script = Path(sysconfig.get_path("scripts")) / "laneway"
    return [str(script)] if script.exists() else [sys.executable, "-m", "laneway"]


def children(pid: int) -> list[int]:
    """Direct children of a process; empty when it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


@dataclass
class System:
    """A producer and a worker as real processes, restarted as often as they are killed."""

    folder: Path
    jobs: int
    lease: str = "1s"
    sweep_every: str = "200ms"
    pause: float = 0.0
    acknowledged: dict[int, str] = field(default_factory=dict[int, str])
    worker: subprocess.Popen[bytes] | None = None
    producer: subprocess.Popen[bytes] | None = None
    produced_to: int = 0
    #: The store's URL; empty for an embedded one in the folder.
    url: str = ""

    @property
    def store(self) -> str:
        """The store's URL; a file in the folder unless another one was given."""
        return self.url or f"sqlite:///{self.folder}/fault.db"

    @property
    def journal(self) -> Path:
        """Where tasks write that they started."""
        return self.folder / "journal"

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the system is told."""
        return {**os.environ, "LANEWAY_STORE": self.store, "FAULT_JOURNAL": str(self.journal)}

    def start_worker(self) -> None:
        """Starts a worker in a process group of its own."""
        command = [*laneway_command(), "worker", str(HERE / "fault_app.py")]
        command += ["--lease", self.lease, "--sweep-every", self.sweep_every]
        with (self.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_producer(self) -> None:
        """Starts a producer behind what was produced so far, unless everything is."""
        self.collect()
        count = self.jobs - len(self.acknowledged)
        if count <= 0:
            return
        # A batch whose acknowledgement never came may be in the store all the same; its numbers are
        # left out, so that every number belongs to at most one acknowledged job.
        self.produced_to += 50
        command = [sys.executable, str(HERE / "producer.py"), str(self.produced_to)]
        command += [str(count), str(self.pause)]
        with (self.folder / "acknowledged").open("ab") as output:
            self.producer = subprocess.Popen(command, env=self.environment, stdout=output)

    def collect(self) -> None:
        """Reads what producers have been acknowledged; a torn last line is not acknowledged."""
        path = self.folder / "acknowledged"
        if not path.exists():
            return
        for line in path.read_bytes().split(b"\n")[:-1]:
            number, job = line.split()
            self.acknowledged[int(number)] = job.decode()
        if self.acknowledged:
            self.produced_to = max(self.produced_to, max(self.acknowledged) + 1)

    def is_produced(self) -> bool:
        """Whether the producer has nothing left to do."""
        self.collect()
        return len(self.acknowledged) >= self.jobs

    def revive(self) -> None:
        """Starts again what has died."""
        if self.worker is None or self.worker.poll() is not None:
            self.start_worker()
        if self.producer is None or self.producer.poll() is not None:
            self.start_producer()

    def stop(self) -> int:
        """Ends the worker gracefully; gives its exit status."""
        assert self.worker is not None
        self.worker.send_signal(signal.SIGTERM)
        return self.worker.wait(timeout=60)

    def end(self) -> None:
        """Kills what still runs."""
        for process in (self.worker, self.producer):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def kill_tree(system: System, _: random.Random) -> None:
    """The whole worker dies at once, as in a power cut of its container."""
    assert system.worker is not None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(system.worker.pid, signal.SIGKILL)
    system.worker.wait()


def kill_supervisor(system: System, _: random.Random) -> None:
    """The supervisor dies alone; its runners must end by themselves."""
    assert system.worker is not None
    system.worker.kill()
    system.worker.wait()


def kill_runner(system: System, chance: random.Random) -> None:
    """One runner dies; the supervisor decides what becomes of its jobs."""
    assert system.worker is not None
    runners = children(system.worker.pid)
    if runners:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(runners), signal.SIGKILL)


def kill_producer(system: System, _: random.Random) -> None:
    """The producer dies, perhaps between a write and its acknowledgement."""
    if system.producer is not None and system.producer.poll() is None:
        system.producer.kill()
        system.producer.wait()


OPERATIONS = (kill_tree, kill_supervisor, kill_runner, kill_producer)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for a condition of other processes, which can only be polled."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)
