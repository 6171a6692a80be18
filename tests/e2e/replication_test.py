"""What `laneway doctor` says of a server whose copy is behind, and of the copy itself."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from stories import laneway_command, wait_until
from wire import Wire

from servers import PostgresServer, PostgresStandby, RedisServer

pytestmark = pytest.mark.timeout(120)
MIB = 1 << 20


def doctor(store: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What `laneway doctor` finds."""
    return subprocess.run(
        [*laneway_command(), "--store", store, "--json", "doctor", "--no-python"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def says(store: str, folder: Path, words: str) -> bool:
    """Whether any of the doctor's findings has these words."""
    found = [json.loads(line) for line in doctor(store, folder).stdout.splitlines()]
    assert found
    return words in json.dumps(found)


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def test_doctor_warns_of_a_postgresql_standby_that_is_behind(
    primary: PostgresServer, tmp_path: Path
) -> None:
    migrated = subprocess.run(
        [*laneway_command(), "--store", primary.url, "migrate"], cwd=tmp_path, check=False
    )
    assert migrated.returncode == 0
    assert not says(primary.url, tmp_path, "replication lag"), "there is no standby yet"
    with PostgresStandby(primary) as standby:
        wait_until(lambda: says(primary.url, tmp_path, "replication lag"), 20, "the standby")
        assert not says(primary.url, tmp_path, "bytes behind")
        pause_replay(standby)
        with psycopg.connect(primary.url, autocommit=True) as connection:
            for _ in range(70):
                # A message that no decoder asks for: it is in the log, and changes nothing.
                connection.execute(
                    "SELECT pg_logical_emit_message(false, 'test', repeat('x', %s))", (MIB,)
                )
        assert says(primary.url, tmp_path, "bytes behind; a failover would lose them")
        with psycopg.connect(standby.url, autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_resume()")
        wait_until(
            lambda: not says(primary.url, tmp_path, "bytes behind"), 30, "the standby to follow"
        )


def pause_replay(standby: PostgresServer) -> None:
    """Lets a standby take what comes, and apply none of it."""
    with psycopg.connect(standby.url, autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")


def test_a_standby_is_refused_as_a_store(primary: PostgresServer, tmp_path: Path) -> None:
    with PostgresStandby(primary) as standby:
        found = doctor(standby.url, tmp_path)
        assert found.returncode != 0
        assert "LW1055" in found.stdout + found.stderr
        assert "takes no writes" in found.stdout + found.stderr


def test_doctor_warns_of_a_redis_replica_that_is_behind(tmp_path: Path) -> None:
    with RedisServer() as master:
        following = {
            "replicaof": f"127.0.0.1 {master.port}",
            "masterauth": master.password,
            "appendonly": "no",
        }
        with RedisServer(following) as replica, Wire(master.port, master.password) as wire:
            wait_until(lambda: "state=online" in wire.text("INFO", "replication"), 30, "the copy")
            wait_until(lambda: says(master.url, tmp_path, '"replicas"'), 10, "doctor")
            assert not says(master.url, tmp_path, "replica is more than")
            replica.send_signal(signal.SIGSTOP)
            for number in range(20):
                wire.ask("SET", f"other:{number}", b"x" * MIB)
            assert says(master.url, tmp_path, "a replica is more than 16 MiB behind")
            replica.send_signal(signal.SIGCONT)
            wait_until(
                lambda: not says(master.url, tmp_path, "replica is more than"), 30, "the replica"
            )
            refused = doctor(replica.url, tmp_path)
            assert refused.returncode != 0
            assert "LW1005" in refused.stdout + refused.stderr
            assert "is a replica" in refused.stdout + refused.stderr
