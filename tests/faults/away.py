"""A server that is away for a while: what workers and producers say, spend and keep meanwhile.

`python tests/faults/away.py --store redis --seconds 60` starts a server of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from audit import MUST_BE_ZERO, Audit
from kill_everything import finish
from operations import HERE, System, children, wait_until
from stores import SERVERS, own_store

#: What of a core may be spent on waiting.
CPU_SHARE_MAX = 0.02
RESUME_MAX_S = 2.0
REFUSAL_MAX_S = 5.0
TICK_S = 0.1
STORE_AWAY = "LW1008"
STORE_BACK = "the store can be used again"
#: A held attempt outlasts the outage, so that its end meets the store again.
LASTS_BEYOND_S = 3.0
#: The files of `patient_producer.py`.
SERVED, REFUSED = "acknowledged", "refused"


@dataclass
class Findings:
    """What was seen of a worker and a producer while the server was away."""

    seconds: float
    worker_cpu_s: float
    producer_cpu_s: float
    #: Ticks of an attempt that the worker held, and how many were to be expected.
    ticks: int
    ticks_expected: int
    work_resumed_s: float
    producer_resumed_s: float
    said: int
    said_back: int
    #: The code of each refusal that the producer met, whether it may try again, and the seconds.
    refusals: list[tuple[str, bool, float]]
    verdict: dict[str, int]

    def shortcomings(self) -> list[str]:
        """What was not as promised."""
        slowest = max((seconds for _, _, seconds in self.refusals), default=0.0)
        checks = {
            "the worker spends time on waiting": self.worker_cpu_s > CPU_SHARE_MAX * self.seconds,
            "the producer spends time on waiting": self.producer_cpu_s
            > 2 * CPU_SHARE_MAX * self.seconds,
            "the worker says it more or less than once": (self.said, self.said_back) != (1, 1),
            "what the worker held did not go on": self.ticks < 0.9 * self.ticks_expected,
            "work resumes late": self.work_resumed_s > RESUME_MAX_S,
            "the producer resumes late": self.producer_resumed_s > RESUME_MAX_S,
            "nothing was refused": not self.refusals,
            "a refusal takes long": slowest > REFUSAL_MAX_S,
            "a refusal has another code or no hope": any(
                (code, retryable) != (STORE_AWAY, True) for code, retryable, _ in self.refusals
            ),
            **{f"{name} jobs": bool(self.verdict[name]) for name in MUST_BE_ZERO},
        }
        return [name for name, is_so in checks.items() if is_so]

    def table(self) -> dict[str, str]:
        """The figures, for people."""
        slowest = max((seconds for _, _, seconds in self.refusals), default=0.0)
        return {
            "seconds watched": f"{self.seconds:.1f}",
            "CPU seconds of the worker's processes": f"{self.worker_cpu_s:.2f}",
            "CPU seconds of the producer": f"{self.producer_cpu_s:.2f}",
            "said that the store is away, and back": f"{self.said}, {self.said_back}",
            "ticks of a held attempt, expected": f"{self.ticks}, {self.ticks_expected}",
            "work resumed after": f"{self.work_resumed_s:.2f} s",
            "producer resumed after": f"{self.producer_resumed_s:.2f} s",
            "refusals, codes": f"{len(self.refusals)}, {sorted({c for c, _, _ in self.refusals})}",
            "slowest refusal": f"{slowest:.2f} s",
            **{name: str(value) for name, value in self.verdict.items()},
        }


def measure(kind: str, folder: Path, seconds: float) -> Findings:
    """Takes a server away under load and brings it back; gives what was seen."""
    with own_store(kind, folder) as store:
        assert store.server is not None
        system = System(folder, jobs=0, lease="10s", sweep_every="5s", url=store.url)
        audit = Audit()
        try:
            system.start_worker()
            system.producer = patient_producer(system, time.time() + seconds + LASTS_BEYOND_S)
            wait_until(lambda: system.starts() > 10 and ticks(system) > 3, 30, "work under way")
            store.server.crash()
            spent = watch(system, seconds)
            starts, served = system.starts(), len(system.lines(SERVED))
            store.server.start()
            resumed = resumption(system, starts, served)
            # It is back when each kind of call has succeeded; sweeps come last, every five seconds.
            wait_until(lambda: STORE_BACK in system.log(), 15, "the worker to say that it is back")
            system.producer.terminate()
            system.producer.wait()
            wait_until(lambda: finish(system, audit), 120, "all jobs to end")
            assert system.stop() == 0, system.log()
            verdict = audit.verdict(system)
        finally:
            system.end()
    refusals = [line.split() for line in system.lines(REFUSED)]
    return Findings(
        *spent,
        *resumed,
        refusals=[(code, is_so == "True", float(took)) for code, is_so, took in refusals],
        said=system.log().count(STORE_AWAY),
        said_back=system.log().count(STORE_BACK),
        verdict=verdict,
    )


def watch(system: System, seconds: float) -> tuple[float, float, float, int, int]:
    """What is spent while the server is away, after the first second, and what goes on."""
    assert system.worker is not None
    assert system.producer is not None
    gone = time.monotonic()
    time.sleep(1.0)
    worker_before, producer_before = tree_cpu_s(system.worker.pid), tree_cpu_s(system.producer.pid)
    ticks_before, began = ticks(system), time.monotonic()
    time.sleep(seconds - (began - gone))
    watched = time.monotonic() - began
    return (
        watched,
        tree_cpu_s(system.worker.pid) - worker_before,
        tree_cpu_s(system.producer.pid) - producer_before,
        ticks(system) - ticks_before,
        int(watched / TICK_S),
    )


def resumption(system: System, starts: int, served: int) -> tuple[float, float]:
    """Seconds from the server's return until a worker starts a job, and a producer is served."""
    back = time.monotonic()
    seen: dict[str, float] = {}

    def has_resumed() -> bool:
        now = time.monotonic() - back
        if system.starts() > starts:
            seen.setdefault("work", now)
        if len(system.lines(SERVED)) > served:
            seen.setdefault("producer", now)
        return len(seen) == 2

    wait_until(has_resumed, 30, "worker and producer to go on")
    return seen["work"], seen["producer"]


def patient_producer(system: System, until: float) -> subprocess.Popen[bytes]:
    """A program that tries again when it is refused, and enqueues a job that lasts until then."""
    program = [sys.executable, str(HERE / "patient_producer.py"), str(system.folder), str(until)]
    return subprocess.Popen(program, env=system.environment)


def ticks(system: System) -> int:
    """How often the job that lasts has said that it goes on."""
    return len(system.lines("journal.ticks"))


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children."""
    total = 0.0
    for process in [pid, *children(pid)]:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> int:
    """Reads the command line, measures, prints; 1 when something was not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=SERVERS, default="redis")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="laneway-faults-") as folder:
        findings = measure(options.store, Path(folder), options.seconds)
    for name, value in findings.table().items():
        print(f"{name:<42} {value}")
    for shortcoming in findings.shortcomings():
        print(f"not as promised: {shortcoming}")
    return bool(findings.shortcomings())


if __name__ == "__main__":
    sys.exit(main())
