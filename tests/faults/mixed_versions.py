"""Workers and producers of two installations of Laneway on one store, killed in turn; then audits.

`python tests/faults/mixed_versions.py --store redis --other OLD/bin`: OLD is an environment with
another version. Each installation opens the store first in one of two runs. Either both work
together, or one of them is refused with a code before it touches a job; the audit is the same.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from audit import Audit
from kill_everything import END_MAX_S, finish, is_bad, tell
from operations import System, kill_tree, wait_until
from stores import KINDS, OwnStore, own_store

BATCHES_PER_S = 1.2
SECONDS = 20.0
REFUSAL = re.compile(r"error\[(LW\d+)\]")


def work_together(systems: list[System], chance: random.Random) -> None:
    """Lets the first one open the store, then both work, and either is killed now and then."""
    systems[0].revive()
    wait_until(lambda: systems[0].starts() > 50 or has_ended(systems[0]), 30, "the first one")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for system in systems:
            system.revive()
        time.sleep(chance.uniform(0.5, 2.0))
        victim = chance.choice(systems)
        if not has_ended(victim):
            kill_tree(victim, chance)


def has_ended(system: System) -> bool:
    """Whether there is no worker."""
    return system.worker is None or system.worker.poll() is not None


def audited(store: OwnStore, folder: Path, first: str, other: Path, seed: int) -> bool:
    """One run; prints what became of it, and tells whether something is wrong."""
    names = ["present", "other"] if first == "present" else ["other", "present"]
    systems: dict[str, System] = {}
    for name in names:
        place = folder / name
        place.mkdir()
        programs = other if name == "other" else None
        system = System(place, sys.maxsize, pause=1 / BATCHES_PER_S, url=store.url)
        system.programs = programs
        systems[name] = system
    audit = Audit()
    present = systems["present"]
    try:
        work_together(list(systems.values()), random.Random(seed))
        for system in systems.values():
            system.stop_producing()
        # The present installation works to the end; the other one helps as long as it lives.
        wait_until(lambda: finish(present, audit), END_MAX_S, "all jobs to end")
        started = {name: system.starts() for name, system in systems.items()}
        merge(systems["other"], present)
        verdict = audit.verdict(present)
    finally:
        for system in systems.values():
            system.end()
    for name, system in systems.items():
        text = system.log() + (system.folder / "producer.log").read_text()
        refusals = dict(Counter(REFUSAL.findall(text)))
        print(f"{name}: started {started[name]} jobs, was refused with {refusals}")
    tell(verdict)
    return is_bad(verdict)


def merge(other: System, present: System) -> None:
    """Gives the present system what both were acknowledged and started, for the audit."""
    for number, job in other.acknowledged.items():
        present.acknowledged[-1 - number] = job
    if other.journal.exists():
        with present.journal.open("a") as journal:
            journal.write(other.journal.read_text())


def main() -> int:
    """Reads the command line, runs both orders, prints; 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=KINDS, default="sqlite")
    parser.add_argument("--other", type=Path, required=True, help="the other one's programs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    status = False
    for first in ("other", "present"):
        print(f"{options.store}: the {first} installation opens the store", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="laneway-faults-") as folder,
            own_store(options.store, Path(folder)) as store,
        ):
            status |= audited(store, Path(folder), first, options.other.resolve(), options.seed)
    return status


if __name__ == "__main__":
    sys.exit(main())
