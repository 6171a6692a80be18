"""Breaks the server behind a store while workers and producers use it, then audits.

`python tests/faults/server_faults.py --faults 40 --jobs 40000 --seed 1`; the seed repeats the
order of the faults and their pauses.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from audit import MUST_BE_ZERO, Audit
from kill_everything import finish
from operations import OPERATIONS, System, wait_until
from stores import SERVER_OPERATIONS, own_store

PAUSE_MAX_S = 0.8


def run(folder: Path, jobs: int, faults: Sequence[str], seed: int) -> dict[str, int]:
    """Does these faults, each by its name, under load; gives the audit's verdict."""
    chance = random.Random(seed)
    of_server = {operation.__name__: operation for operation in SERVER_OPERATIONS}
    of_processes = {operation.__name__: operation for operation in OPERATIONS}
    pause = 1.2 * len(faults) * PAUSE_MAX_S / 2 / (jobs / 50)
    began = time.monotonic()
    with own_store("redis", folder) as store:
        assert store.server is not None
        system, audit = System(folder, jobs, pause=pause, url=store.url), Audit()
        try:
            system.revive()
            for name in faults:
                time.sleep(chance.uniform(0.0, PAUSE_MAX_S))
                if name in of_server:
                    of_server[name](store.server, chance)
                else:
                    of_processes[name](system, chance)
                system.revive()
            wait_until(lambda: finish(system, audit), 300, "all jobs to end")
            assert system.stop() == 0, "the worker did not drain"
            verdict = audit.verdict(system)
        finally:
            system.end()
    return {**Counter(faults), **verdict, "seconds": int(time.monotonic() - began)}


def main() -> int:
    """Reads the command line, runs, prints; 1 when something was lost or changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=40_000)
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.faults} faults over {options.jobs} jobs")
    names = [operation.__name__ for operation in (*SERVER_OPERATIONS, *OPERATIONS)]
    faults = random.Random(options.seed).choices(names, k=options.faults)
    with tempfile.TemporaryDirectory(prefix="laneway-faults-") as folder:
        verdict = run(Path(folder), options.jobs, faults, options.seed)
    for name, value in verdict.items():
        print(f"{name:<42} {value:>8}")
    return 1 if any(verdict[name] for name in MUST_BE_ZERO) else 0


if __name__ == "__main__":
    sys.exit(main())
