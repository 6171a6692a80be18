"""What can happen to a PostgreSQL server and to those that use it.

Each test ends in the audit: no acknowledged job lost, no end changed, every job succeeded.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from audit import MUST_BE_ZERO, Audit
from kill_everything import finish, run
from operations import System, wait_until

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
        wait_until(lambda: starts(system) > 20, 60, "work to be under way")
        trouble(system)
        wait_until(lambda: finish(system, audit), 120, "all jobs to end")
        assert system.stop() == 0, (folder / "worker.log").read_text()
        verdict = audit.verdict(system)
        assert {name: verdict[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
        assert verdict["acknowledged"] > 0
    finally:
        system.end()


def starts(system: System) -> int:
    """How often a job was started so far."""
    return system.journal.read_bytes().count(b"\n") if system.journal.exists() else 0


def wait_for_starts(system: System, count: int) -> None:
    """Waits until so many more jobs were started."""
    before = starts(system)
    wait_until(lambda: starts(system) >= before + count, 60, "work to go on")


def test_nothing_is_lost_when_everything_is_killed(tmp_path: Path, store: str) -> None:
    verdict = run(tmp_path, jobs=1_000, kills=12, seed=5, url=store)
    assert verdict["acknowledged"] > 0
    assert {name: verdict[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)


def test_ended_backends_lose_nothing(tmp_path: Path, server: PostgresServer, store: str) -> None:
    def trouble(system: System) -> None:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        with psycopg.connect(server.url, autocommit=True) as connection:
            for _ in range(20):
                connection.execute(sql)
                time.sleep(0.2)
                system.revive()

    audited(tmp_path, store, 3_000, trouble)


def test_a_worker_that_was_stopped_past_its_lease_reports_nothing(
    tmp_path: Path, store: str
) -> None:
    def trouble(system: System) -> None:
        stopped = system.worker
        assert stopped is not None
        os.killpg(stopped.pid, signal.SIGSTOP)
        system.start_worker()
        # The other one takes over what the stopped one held, when its lease of a second is over.
        wait_for_starts(system, 200)
        time.sleep(2)
        os.killpg(stopped.pid, signal.SIGCONT)
        time.sleep(2)
        stopped.send_signal(signal.SIGTERM)
        assert stopped.wait(timeout=60) == 0

    audited(tmp_path, store, 2_000, trouble)


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


def test_a_server_that_is_away_for_long_is_told_of_once(
    tmp_path: Path, server: PostgresServer, store: str
) -> None:
    def trouble(system: System) -> None:
        assert system.worker is not None
        server.stop()
        time.sleep(1)
        cpu_before = cpu_s(system.worker.pid)
        time.sleep(8)
        spent = cpu_s(system.worker.pid) - cpu_before
        server.start()
        assert spent < 1.0, f"the worker spent {spent} s of 8 s while its store was away"
        log = (tmp_path / "worker.log").read_text()
        assert log.count("LW1008") <= 4, log

    audited(tmp_path, store, 2_000, trouble)


def test_a_held_snapshot_harms_nothing(tmp_path: Path, server: PostgresServer, store: str) -> None:
    with psycopg.connect(server.url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        audited(tmp_path, store, 3_000, lambda _: None)


def cpu_s(pid: int) -> float:
    """CPU seconds of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
