"""Kills, stops and cuts everything that can be, at random points under load, then audits.

`python tests/faults/kill_everything.py --store redis --minutes 5 --seed 1` starts a server of its
own and breaks processes, networks and servers; the seed repeats the order of the faults and their
pauses, and decides whether a snapshot keeps PostgreSQL from removing dead rows throughout.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from audit import MUST_BE_ZERO, Audit
from operations import KILLS, System, wait_until
from server_operations import faults_of
from stores import KINDS, OwnStore, Snapshot, own_store

from servers import PostgresServer

BATCH = 50
PAUSE_MAX_S = 0.9
END_MAX_S = 300
STALE = r"(\d+) refused as stale"
KILL_NAMES = tuple(operation.__name__ for operation in KILLS)


@dataclass(frozen=True)
class Script:
    """What happens: so many faults of these names, in an order that the seed decides."""

    seed: int
    #: Empty for everything that the store allows.
    names: Sequence[str] = ()
    faults: int = 1_000_000
    seconds: float = 3_600.0
    jobs_per_s: float = 60.0
    #: Whether to tell how far it is.
    is_told: bool = False


def run(folder: Path, store: OwnStore, script: Script) -> dict[str, int]:
    """Runs the whole experiment; gives the audit's verdict."""
    # There is work during every fault: the producer goes on until the last one.
    pause = BATCH / script.jobs_per_s
    system = System(folder, jobs=sys.maxsize, pause=pause, url=store.url, way=store.way)
    experiment = Experiment(system, store, script)
    try:
        system.revive()
        experiment.break_everything()
        experiment.end_in_peace()
        return experiment.figures()
    finally:
        system.end()
        experiment.pinned.release()


class Experiment:
    """A system, what happens to it, and what becomes of it."""

    def __init__(self, system: System, store: OwnStore, script: Script) -> None:
        self.system, self.store, self.script = system, store, script
        self.chance = random.Random(script.seed)
        self.pinned = Snapshot(
            store.server
            if isinstance(store.server, PostgresServer) and self.chance.random() < 0.5
            else None
        )
        self.audit = Audit()
        self.counts: Counter[str] = Counter()
        self.began = time.monotonic()

    def break_everything(self) -> None:
        """Lets one fault after the other happen."""
        faults = faults_of(self.system, self.store)
        names = sorted(self.script.names or faults)
        end = self.began + self.script.seconds
        while self.counts.total() < self.script.faults and time.monotonic() < end:
            self.pinned.hold()
            time.sleep(self.chance.uniform(0.0, PAUSE_MAX_S))
            name = self.chance.choice(names)
            faults[name](self.chance)
            self.counts[name] += 1
            self.system.revive()
            if self.script.is_told and self.counts.total() % 50 == 0:
                ended, total = self.audit.look(self.system)
                print(f"  {self.counts.total()} faults, {ended} of {total} jobs ended", flush=True)

    def end_in_peace(self) -> None:
        """Lets the work come to its end, and the workers to theirs."""
        self.system.stop_producing()
        wait_until(lambda: finish(self.system, self.audit), END_MAX_S, "all jobs to end")
        assert self.system.stop() == 0, f"a worker did not drain: {self.system.log()[-2_000:]}"

    def figures(self) -> dict[str, int]:
        """What happened, and what the audit says of it."""
        log = self.system.log()
        return {
            **dict(sorted(self.counts.items())),
            "snapshot held throughout": int(self.pinned.is_wanted),
            "sessions lost": log.count("the session was lost"),
            "reports refused as stale": sum(map(int, re.findall(STALE, log))),
            **self.audit.verdict(self.system),
            "seconds": int(time.monotonic() - self.began),
        }


def finish(system: System, audit: Audit) -> bool:
    """Whether everything was produced and has ended; keeps the system alive until then."""
    system.revive()
    if not system.is_produced():
        return False
    ended, total = audit.look(system)
    return ended == total >= len(system.acknowledged)


def main() -> int:
    """Reads the command line, runs, prints; 1 when something was lost or changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=KINDS, default="sqlite")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--faults", type=int, default=1_000_000, help="at most so many")
    parser.add_argument("--kills-only", action="store_true", help="nothing but kill -9")
    parser.add_argument("--jobs-per-s", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    script = Script(
        seed=options.seed,
        names=KILL_NAMES if options.kills_only else (),
        faults=options.faults,
        seconds=options.minutes * 60,
        jobs_per_s=options.jobs_per_s,
        is_told=True,
    )
    print(f"{options.store}: seed {script.seed}, {options.minutes:g} minutes", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="laneway-faults-") as folder,
        own_store(options.store, Path(folder)) as store,
    ):
        verdict = run(Path(folder), store, script)
    tell(verdict)
    return is_bad(verdict)


def tell(verdict: dict[str, int]) -> None:
    """Prints the figures as a table."""
    for name, value in verdict.items():
        print(f"{name:<42} {value:>8}")


def is_bad(verdict: dict[str, int]) -> bool:
    """Whether something was lost or changed, or nothing was proved."""
    return verdict["acknowledged"] == 0 or any(verdict[name] for name in MUST_BE_ZERO)


if __name__ == "__main__":
    sys.exit(main())
