"""A store that a newer release has written: older ones are refused before they touch a job.

The newer release is played by the number of the schema, which is all that an older one reads of it.
`mixed_versions.py` puts two real installations on one store.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from audit import MUST_BE_ZERO, Audit, read_jobs
from operations import HERE, System, laneway_command, wait_until
from stores import KINDS, OwnStore, ask, own_store

from servers import PostgresServer, RedisServer

pytestmark = pytest.mark.timeout(120)
NEWER = 99
TOO_NEW = "error[LW1004]"


def in_sqlite(path: str, statement: str) -> str:
    """Asks a database from a process of its own; gives the numbers of the answer."""
    program = (
        "import sqlite3, sys\n"
        "for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row)"
    )
    command = [sys.executable, "-c", program, path, statement]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def upgrade(store: OwnStore) -> Callable[[], None]:
    """Gives the schema a newer number; gives what takes it back."""
    if isinstance(store.server, RedisServer):
        server, key = store.server, "{laneway}:meta"
        number = ask(server, f"HGET {key} schema")
        ask(server, f"HSET {key} schema {NEWER}")
        return lambda: print(ask(server, f"HSET {key} schema {number}"))
    if isinstance(store.server, PostgresServer):
        url = store.server.url
        in_postgres(url, b"INSERT INTO laneway.migration (version) VALUES (99)")
        return lambda: in_postgres(url, b"DELETE FROM laneway.migration WHERE version = 99")
    path = store.url.removeprefix("sqlite:///")
    number = in_sqlite(path, "PRAGMA user_version")
    in_sqlite(path, f"PRAGMA user_version = {NEWER}")
    return lambda: print(in_sqlite(path, f"PRAGMA user_version = {number}"))


def in_postgres(url: str, statement: bytes) -> None:
    """Changes a database past Laneway."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_release_is_refused_before_it_touches_a_job(tmp_path: Path, kind: str) -> None:
    with own_store(kind, tmp_path) as store:
        system = System(tmp_path, jobs=50, url=store.url)
        try:
            system.start_producer()
            wait_until(system.is_produced, 30, "the producer to end")
            before = read_jobs(system)
            take_back = upgrade(store)
            system.start_worker()
            assert system.worker is not None
            assert system.worker.wait(timeout=30) not in {0, -signal.SIGKILL}
            assert TOO_NEW in system.log()
            for command in (["status"], ["jobs", "list"], ["export"]):
                refused = subprocess.run(
                    [*laneway_command(), "--store", store.url, *command],
                    check=False,
                    capture_output=True,
                    text=True,
                )
                assert refused.returncode != 0
                assert TOO_NEW in refused.stderr
            produced = subprocess.run(
                [sys.executable, str(HERE / "producer.py"), "1000", "1", "0"],
                env=system.environment,
                check=False,
                capture_output=True,
                text=True,
            )
            assert "LW1004" in produced.stderr
            take_back()
            assert read_jobs(system) == before
            assert system.starts() == 0
        finally:
            system.end()


def enqueue_lasting(system: System, seconds: float) -> None:
    """Adds a job that runs until so many seconds from now."""
    program = f"import fault_app, time; fault_app.lasting.delay(-1, time.time() + {seconds})"
    environment = {**system.environment, "PYTHONPATH": str(HERE)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_works_during_an_upgrade_ends_what_it_runs_and_no_job_runs_twice(
    tmp_path: Path, kind: str
) -> None:
    with own_store(kind, tmp_path) as store:
        system = System(tmp_path, jobs=400, pause=0.2, url=store.url)
        try:
            # It lasts for many leases: without a beat until its end it would run again.
            enqueue_lasting(system, 8)
            system.revive()
            wait_until(lambda: system.starts() > 30, 30, "work to be under way")
            take_back = upgrade(store)
            assert system.worker is not None
            assert system.worker.wait(timeout=60) not in {0, -signal.SIGKILL}
            assert TOO_NEW in system.log()
            wait_until(system.is_produced, 30, "the producer to end")
            take_back()
            system.start_worker()
            wait_until(lambda: system.starts() >= 401, 60, "all jobs to start")
            assert system.stop() == 0
            found = Audit().verdict(system)
            assert not any(found[figure] for figure in MUST_BE_ZERO), found
            assert found["starts of a job that was started before"] == 0, found
        finally:
            system.end()
