"""Ways to break a running system, and that system: a producer and a worker on one store."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: How a worker may end that slept: in good order, or, if it slept through its own start, without a
#: runner or a store that had waited for it, or told to end before it had begun.
MAY_END_WITH = {0, 1, 3, 128 + signal.SIGTERM}


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
    #: The URL that its processes are given where that is another one, such as a proxy's.
    way: str = ""
    #: The programs of another installation of Laneway; `None` for those of this one.
    programs: Path | None = None
    #: Workers that were replaced while they were asleep, and were told to end when they woke.
    replaced: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

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
        way = self.way or self.store
        return {**os.environ, "LANEWAY_STORE": way, "FAULT_JOURNAL": str(self.journal)}

    def start_worker(self, **variables: str) -> None:
        """Starts a worker in a process group of its own, with these variables besides."""
        command = [*laneway_command(), "worker", str(HERE / "fault_app.py")]
        if self.programs:
            command[:1] = [str(self.programs / "laneway")]
            command += ["--python", str(self.programs / "python")]
        command += ["--lease", self.lease, "--sweep-every", self.sweep_every]
        with (self.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                command,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_producer(self, **variables: str) -> None:
        """Starts a producer behind what was produced so far, unless everything is."""
        self.collect()
        count = self.jobs - len(self.acknowledged)
        if count <= 0:
            return
        # A batch whose acknowledgement never came may be in the store all the same; its numbers are
        # left out, so that every number belongs to at most one acknowledged job.
        self.produced_to += 50
        python = str(self.programs / "python") if self.programs else sys.executable
        command = [python, str(HERE / "producer.py"), str(self.produced_to)]
        command += [str(count), str(self.pause)]
        environment = {**self.environment, **variables}
        with (
            (self.folder / "acknowledged").open("ab") as output,
            (self.folder / "producer.log").open("ab") as log,
        ):
            self.producer = subprocess.Popen(command, env=environment, stdout=output, stderr=log)

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

    def stop_producing(self) -> None:
        """Produces no more than what was acknowledged so far."""
        if self.producer is not None and self.producer.poll() is None:
            self.producer.kill()
            self.producer.wait()
        self.collect()
        self.jobs = len(self.acknowledged)

    def stop(self) -> int:
        """Ends every worker gracefully; gives the present one's exit status."""
        assert self.worker is not None
        self.wait_for_begin()
        self.worker.send_signal(signal.SIGTERM)
        for worker in self.replaced:
            status = worker.wait(timeout=60)
            assert status in MAY_END_WITH, f"{worker.pid} ended with {status}:\n{self.log()}"
        return self.worker.wait(timeout=60)

    def wait_for_begin(self) -> None:
        """Waits until the present worker has begun: told to end before that, it ends with 143."""
        worker = self.worker
        assert worker is not None
        has_begun = f":{worker.pid}:"
        wait_until(
            lambda: worker.poll() is not None or has_begun in self.log(), 60, "the worker to begin"
        )

    def end(self) -> None:
        """Kills what still runs."""
        for process in (*self.replaced, self.worker, self.producer):
            if process is not None and process.poll() is None:
                # Nobody may be left asleep: a stopped process keeps its terminal and its files.
                send(process.pid, signal.SIGKILL)
                process.wait()

    def log(self) -> str:
        """What the workers have said so far."""
        path = self.folder / "worker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def lines(self, name: str) -> list[str]:
        """The whole lines of a file in the folder; none while it is not there."""
        path = self.folder / name
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def starts(self) -> int:
        """How often a job was started so far."""
        return self.journal.read_bytes().count(b"\n") if self.journal.exists() else 0


def send(pid: int, number: int) -> None:
    """Sends a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def freeze(processes: list[int], database: Path | None) -> None:
    """Stops processes, but not while one of them writes an embedded store.

    SQLite's lock is held for as long as its owner sleeps: nobody could take over before it wakes.
    """
    for _ in range(50):
        for pid in processes:
            send(pid, signal.SIGSTOP)
        if database is None or can_be_written(database):
            return
        for pid in processes:
            send(pid, signal.SIGCONT)
    raise AssertionError(f"{processes} never rest between two writes")


def can_be_written(database: Path) -> bool:
    """Whether its lock is free, or is set free within two seconds."""
    with contextlib.closing(sqlite3.connect(database, timeout=2, isolation_level=None)) as own:
        try:
            own.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        own.execute("ROLLBACK")
        return True


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


def pause_worker(system: System, chance: random.Random) -> None:
    """The whole worker sleeps past its lease, another one takes over, and the first one wakes."""
    assert system.worker is not None
    sleeper = system.worker
    asleep = [sleeper.pid, *children(sleeper.pid)]
    for pid in asleep:
        send(pid, signal.SIGSTOP)
    system.replaced.append(sleeper)
    system.start_worker()
    time.sleep(chance.uniform(1.5, 3.0))
    for pid in asleep:
        send(pid, signal.SIGCONT)
    # Two workers share the work for a while; then the one that slept ends in good order.
    time.sleep(chance.uniform(0.0, 1.5))
    sleeper.send_signal(signal.SIGTERM)


def pause_runner(system: System, chance: random.Random) -> None:
    """One runner sleeps past the lease, which does not depend on it, and wakes."""
    assert system.worker is not None
    runners = children(system.worker.pid)
    if runners:
        runner = chance.choice(runners)
        send(runner, signal.SIGSTOP)
        time.sleep(chance.uniform(1.0, 2.0))
        send(runner, signal.SIGCONT)


def pause_producer(system: System, chance: random.Random) -> None:
    """The producer sleeps, perhaps in the middle of a call, and goes on."""
    if system.producer is not None and system.producer.poll() is None:
        system.producer.send_signal(signal.SIGSTOP)
        time.sleep(chance.uniform(0.2, 1.5))
        system.producer.send_signal(signal.SIGCONT)


KILLS = (kill_tree, kill_supervisor, kill_runner, kill_producer)
PAUSES = (pause_worker, pause_runner, pause_producer)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for a condition of other processes, which can only be polled."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)
