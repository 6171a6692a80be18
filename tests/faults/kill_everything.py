"""Kills workers, supervisors, runners and producers at random points, then audits.

`python tests/faults/kill_everything.py --kills 1000 --jobs 20000 --seed 1`; the seed repeats the
order of the kills and their pauses.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from audit import MUST_BE_ZERO, Audit
from operations import OPERATIONS, System, wait_until

PAUSE_MAX_S = 0.9


def run(folder: Path, jobs: int, kills: int, seed: int, url: str = "") -> dict[str, int]:
    """Runs the whole experiment; gives the audit's verdict."""
    chance = random.Random(seed)
    # The producer is slowed down so that there is work during every kill.
    pause = 0.8 * kills * PAUSE_MAX_S / 2 / (jobs / 50)
    system, audit = System(folder, jobs, pause=pause, url=url), Audit()
    counts: Counter[str] = Counter()
    began = time.monotonic()
    try:
        system.revive()
        for number in range(kills):
            time.sleep(chance.uniform(0.0, PAUSE_MAX_S))
            operation = chance.choice(OPERATIONS)
            operation(system, chance)
            counts[operation.__name__] += 1
            system.revive()
            if number % 50 == 49:
                ended, total = audit.look(system)
                print(f"  {number + 1} kills, {ended} of {total} jobs ended", flush=True)
        wait_until(lambda: finish(system, audit), 300, "all jobs to end")
        assert system.stop() == 0, "the worker did not drain"
        return {**counts, **audit.verdict(system), "seconds": int(time.monotonic() - began)}
    finally:
        system.end()


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
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--store", default="", help="the URL of an empty store; a file by default")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.kills} kills over {options.jobs} jobs")
    with tempfile.TemporaryDirectory(prefix="laneway-faults-") as folder:
        verdict = run(Path(folder), options.jobs, options.kills, options.seed, options.store)
    for name, value in verdict.items():
        print(f"{name:<42} {value:>8}")
    return 1 if any(verdict[name] for name in MUST_BE_ZERO) else 0


if __name__ == "__main__":
    sys.exit(main())
