"""A short form of `kill_everything.py`, and the time in which a dead worker's jobs run again."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from audit import MUST_BE_ZERO
from kill_everything import KILL_NAMES, Script, run
from operations import System, kill_tree, wait_until
from stores import KINDS, own_store

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_when_everything_is_killed(tmp_path: Path, kind: str) -> None:
    with own_store(kind, tmp_path) as store:
        verdict = run(tmp_path, store, Script(seed=11, names=KILL_NAMES, faults=16))
    assert verdict["acknowledged"] > 0
    assert {name: verdict[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)


def test_jobs_of_a_dead_worker_run_again_within_lease_and_sweep(tmp_path: Path) -> None:
    lease_s, sweep_s, start_s = 2.0, 0.5, 1.5
    system = System(tmp_path, jobs=20_000, lease="2s", sweep_every="500ms")
    try:
        system.revive()
        wait_until(lambda: system.starts() > 300, 30, "work to be under way")
        kill_tree(system, random.Random(0))
        killed_at = time.time()
        first_starts = {line.split()[1] for line in system.lines("journal")}
        system.start_worker()

        def started_again() -> list[float]:
            lines = [line.split() for line in system.lines("journal")]
            return [
                float(at) - killed_at
                for _, job, attempt, _, at in lines
                if int(attempt) > 1 and job in first_starts
            ]

        wait_until(lambda: len(started_again()) > 0, 15, "interrupted jobs to run again")
        wait_until(system.is_produced, 60, "the producer to end")
        assert max(started_again()) <= lease_s + sweep_s + start_s
    finally:
        system.end()


def test_a_worker_that_has_only_just_been_started_ends_in_good_order(tmp_path: Path) -> None:
    system = System(tmp_path, jobs=0)
    try:
        system.start_worker()
        assert system.stop() == 0, system.log()
    finally:
        system.end()
