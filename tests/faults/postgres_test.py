"""What happens on PostgreSQL alone, beside what `server_test.py` does to every server.

Each test ends in the audit: no acknowledged job lost, no end changed, every job succeeded.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit import MUST_BE_ZERO, Audit
from kill_everything import finish
from operations import System, wait_until
from stores import Snapshot

from servers import PostgresServer

pytestmark = pytest.mark.timeout(300)

BACK_S = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of these tests' own: they restart it."""
    with PostgresServer() as running:
        yield running


@pytest.fixture
def store(server: PostgresServer) -> str:
    """The URL of an empty store."""
    return f"{server.url}?schema=faults_{secrets.token_hex(4)}"


def audited(folder: Path, store: str, jobs: int, trouble: Callable[[System], None]) -> None:
    """Runs a system, lets trouble happen while it works, and audits it."""
    system, audit = System(folder, jobs, url=store, pause=0.05), Audit()
    try:
        system.revive()
        wait_until(lambda: system.starts() > 20, 60, "work to be under way")
        trouble(system)
        wait_until(lambda: finish(system, audit), 120, "all jobs to end")
        assert system.stop() == 0, (folder / "worker.log").read_text()
        verdict = audit.verdict(system)
        assert {name: verdict[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
        assert verdict["acknowledged"] > 0
    finally:
        system.end()


def wait_for_starts(system: System, count: int) -> None:
    """Waits until so many more jobs were started."""
    before = system.starts()
    wait_until(lambda: system.starts() >= before + count, 60, "work to go on")


@pytest.mark.parametrize("ends", [PostgresServer.stop, PostgresServer.crash])
def test_a_server_that_was_away_loses_nothing_and_work_goes_on_at_once(
    tmp_path: Path, server: PostgresServer, store: str, ends: Callable[[PostgresServer], None]
) -> None:
    def trouble(system: System) -> None:
        for _ in range(3):
            ends(server)
            server.start()
            back_at = time.monotonic()
            system.revive()
            wait_for_starts(system, 1)
            assert time.monotonic() - back_at <= BACK_S
            time.sleep(1)

    audited(tmp_path, store, 4_000, trouble)


def test_a_held_snapshot_harms_nothing(tmp_path: Path, server: PostgresServer, store: str) -> None:
    snapshot = Snapshot(server)
    snapshot.hold()
    try:
        audited(tmp_path, store, 3_000, lambda _: None)
        snapshot.check()
    finally:
        snapshot.release()
