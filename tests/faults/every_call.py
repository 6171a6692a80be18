"""Strikes at each call of a worker, or of a producer, to its store, one by one; then audits.

`python tests/faults/every_call.py --store redis` goes through every point of a short run: for each
n it lets the process live until its n-th request reaches the server, in another round until its
n-th answer reaches the process, and kills it there, or loses the answer and cuts the connection.
The next life has the next n, and the jobs of the former one; a round is over when a life came to
its end before it reached its n. On SQLite, where a call is no message, it strikes at each write to
the database instead, of which every call makes several.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from audit import Audit
from call_proxy import CallProxy, Side, Strike
from kill_everything import END_MAX_S, finish, is_bad, tell
from operations import HERE, System, send, wait_until
from stores import KINDS, OwnStore, own_store

#: A life in which so many jobs have started ends in good order.
STARTS = 12
LIFE_MAX_S = 60.0
JOBS_PER_S = 60
SHIM = HERE / "strike_at_write.c"


@dataclass(frozen=True)
class Round:
    """Who is struck, where and how, at every so-manyth point."""

    victim: str
    side: Side
    #: `kill` ends the process; `lose` takes the message, and on SQLite the room on the disk.
    deed: str
    stride: int = 1
    strikes: int = 10_000
    seconds: float = 600.0

    @property
    def name(self) -> str:
        """What is done, for people."""
        return f"{self.deed} {self.victim} at each {self.side.value}"


ROUNDS = tuple(
    Round(victim, side, deed)
    for victim in ("worker", "producer")
    for side, deed in ((Side.REQUEST, "kill"), (Side.ANSWER, "kill"), (Side.ANSWER, "lose"))
)


class Trap:
    """Arms one strike for a process that is about to start."""

    def __init__(self, way: Mapping[str, str], mark: Path, proxy: CallProxy | None) -> None:
        self._way, self._mark, self._proxy = way, mark, proxy
        self._strike: Strike | None = None
        self._victim: list[subprocess.Popen[bytes]] = []

    def variables(self, round_: Round, nth: int) -> dict[str, str]:
        """Arms the strike; gives what the process is told for it."""
        self._victim = []
        if self._proxy is None:
            how = "fail" if round_.deed == "lose" else "before"
            if round_.side is Side.ANSWER and round_.deed == "kill":
                how = "after"
            self._mark.unlink(missing_ok=True)
            told = {"STRIKE_AT": str(nth), "STRIKE_HOW": how, "STRIKE_MARK": str(self._mark)}
            return {**self._way, **told}
        self._strike = Strike(round_.side, nth, self._kill if round_.deed == "kill" else nothing)
        self._proxy.arm(self._strike)
        return dict(self._way)

    def is_for(self, victim: subprocess.Popen[bytes]) -> None:
        """Tells whom the strike is for."""
        self._victim = [victim]

    def has_struck(self) -> bool:
        """Whether the point was reached, when the process has ended."""
        return self._mark.exists() if self._strike is None else self._strike.is_done

    def _kill(self) -> None:
        # The first message can come before whoever started the process knows its number.
        wait_until(lambda: bool(self._victim), 10, "the victim to be known")
        # Whoever sees it end arms the next strike, for another process.
        victim = self._victim[0]
        send(victim.pid, signal.SIGKILL)
        # A signal is taken before the next instruction of the program, but not necessarily now.
        victim.wait()


def nothing() -> None:
    """The message is lost, and that is all."""


@contextlib.contextmanager
def trap(store: OwnStore, folder: Path) -> Generator[Trap]:
    """What strikes at processes on this store."""
    if store.server is None:
        library = folder / "strike_at_write.so"
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SHIM), "-ldl"]
        subprocess.run(command, check=True)
        yield Trap({"LD_PRELOAD": str(library)}, folder / "struck", None)
        return
    with CallProxy(store.server.port, store.kind) as proxy:
        yield Trap({"LANEWAY_STORE": proxy.url(store.url)}, folder / "struck", proxy)


def run(folder: Path, store: OwnStore, round_: Round) -> dict[str, int]:
    """Goes through all points of a round; gives the audit's verdict."""
    pause = 50 / JOBS_PER_S if round_.victim == "worker" else 0.0
    system = System(folder, jobs=sys.maxsize, pause=pause, url=store.url)
    audit, began, strikes, nth = Audit(), time.monotonic(), 0, 1
    is_whole = False
    try:
        with trap(store, folder) as armed:
            while (
                not is_whole
                and strikes < round_.strikes
                and time.monotonic() - began < round_.seconds
            ):
                live = live_as_worker if round_.victim == "worker" else live_as_producer
                is_whole = not live(system, armed, round_, nth)
                strikes, nth = strikes + (not is_whole), nth + round_.stride
        system.stop_producing()
        wait_until(lambda: finish(system, audit), END_MAX_S, "all jobs to end")
        assert system.stop() == 0, system.log()[-2_000:]
        verdict = audit.verdict(system)
    finally:
        system.end()
    facts = {"strikes": strikes, "points of a life": nth, "round was cut short": int(not is_whole)}
    return {**facts, **verdict, "seconds": int(time.monotonic() - began)}


def live_as_worker(system: System, armed: Trap, round_: Round, nth: int) -> bool:
    """One life of a worker, until it is struck or has done its work; tells which."""
    if system.producer is None or system.producer.poll() is not None:
        system.start_producer()
    starts = system.starts()
    system.start_worker(**armed.variables(round_, nth))
    worker = system.worker
    assert worker is not None
    armed.is_for(worker)
    wait_until(
        lambda: worker.poll() is not None or system.starts() >= starts + STARTS,
        LIFE_MAX_S,
        f"work to be done with a strike at {nth}",
    )
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=LIFE_MAX_S)
    return armed.has_struck()


def live_as_producer(system: System, armed: Trap, round_: Round, nth: int) -> bool:
    """One life of a producer of two batches; tells whether it was struck."""
    if system.worker is None or system.worker.poll() is not None:
        system.start_worker()
    system.collect()
    system.jobs = len(system.acknowledged) + 100
    system.start_producer(**armed.variables(round_, nth))
    producer = system.producer
    assert producer is not None
    armed.is_for(producer)
    producer.wait(timeout=LIFE_MAX_S)
    return armed.has_struck()


def main() -> int:
    """Reads the command line, goes through all rounds, prints; 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=KINDS, default="sqlite")
    parser.add_argument("--stride", type=int, default=1, help="strike at every so-manyth point")
    parser.add_argument("--minutes", type=float, default=10.0, help="at most so long a round")
    options = parser.parse_args()
    status = 0
    for planned in ROUNDS:
        round_ = replace(planned, stride=options.stride, seconds=options.minutes * 60)
        print(f"{options.store}: {round_.name}", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="laneway-faults-") as folder,
            own_store(options.store, Path(folder)) as store,
        ):
            verdict = run(Path(folder), store, round_)
        tell(verdict)
        status |= is_bad(verdict)
    return status


if __name__ == "__main__":
    sys.exit(main())
