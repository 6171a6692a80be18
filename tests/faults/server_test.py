"""A server that dies, freezes, cuts connections and forgets scripts; and one that is away.

Each test ends in the audit that all fault tests share.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from audit import MUST_BE_ZERO, Audit
from away import measure
from kill_everything import Script, finish, run
from operations import HERE, System, children, freeze, laneway_command, send, wait_until
from stores import KINDS, SERVERS, ask, own_store

from servers import RedisServer

pytestmark = pytest.mark.timeout(180)


def assert_nothing_lost(verdict: dict[str, int]) -> None:
    assert verdict["acknowledged"] > 0
    assert {name: verdict[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)


SERVER = ("crash_server", "restart_server", "pause_server")
NETWORK = ("cut_connections", "freeze_connections", "lose_answers")
INSIDE = {"redis": ("flush_scripts", "kill_clients"), "postgres": ("terminate_backends",)}


@pytest.mark.parametrize(
    ("kind", "names"),
    [(kind, names) for kind in SERVERS for names in (SERVER, NETWORK, INSIDE[kind])],
)
def test_nothing_is_lost_when_a_server_is_broken_under_load(
    tmp_path: Path, kind: str, names: tuple[str, ...]
) -> None:
    with own_store(kind, tmp_path) as store:
        assert_nothing_lost(run(tmp_path, store, Script(seed=3, names=names, faults=8)))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_when_everything_is_broken(tmp_path: Path, kind: str) -> None:
    with own_store(kind, tmp_path) as store:
        assert_nothing_lost(run(tmp_path, store, Script(seed=4, faults=12)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_slept_past_its_lease_changes_nothing(tmp_path: Path, kind: str) -> None:
    with own_store(kind, tmp_path) as store:
        system, audit = System(tmp_path, jobs=600, url=store.url), Audit()
        sleeper = None
        try:
            system.revive()
            wait_until(lambda: system.starts() > 30, 30, "work to be under way")
            assert system.worker is not None
            sleeper = system.worker
            asleep = [sleeper.pid, *children(sleeper.pid)]
            freeze(asleep, tmp_path / "fault.db" if kind == "sqlite" else None)
            # Another worker takes over what the sleeper held, and ends it.
            system.worker = None
            wait_until(lambda: finish(system, audit), 60, "all jobs to end")
            before = dict(audit.ends)
            for pid in asleep:
                send(pid, signal.SIGCONT)
            wait_until(lambda: says_lost(system), 20, "the sleeper to notice that it was lost")
            sleeper.send_signal(signal.SIGTERM)
            assert sleeper.wait(timeout=30) == 0
            assert system.stop() == 0
            assert_nothing_lost(audit.verdict(system))
            assert audit.ends == before
        finally:
            system.end()
            if sleeper is not None and sleeper.poll() is None:
                sleeper.kill()
                sleeper.wait()


def says_lost(system: System) -> bool:
    return "the session was lost" in system.log()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_is_away_is_said_once_waited_for_and_used_again(
    tmp_path: Path, kind: str
) -> None:
    findings = measure(kind, tmp_path, seconds=8.0)
    assert not findings.shortcomings(), findings


def refused_quickly(url: str, code: str = "LW1008") -> None:
    """A producer hears within seconds why the store takes nothing, and that it may try again."""
    began = time.monotonic()
    program = (
        "import sys, fault_app, laneway\n"
        "try:\n"
        "    fault_app.waiting.delay(1)\n"
        "except laneway.LanewayError as error:\n"
        "    print(error.code, error.retryable)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HERE,
        env={"LANEWAY_STORE": url, "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert output.split() == [code, "True"]
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    ("setting", "url", "code"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, None, "LW1042"),
        ({"appendonly": "no"}, "{url}?durability=fsync", "LW1043"),
        ({}, "redis://:wrong@127.0.0.1:{port}/0", "LW1040"),
        ({}, "redis://127.0.0.1:1/0", "LW1008"),
        ({}, "redis://127.0.0.1:{port}/0?namspace=shop", "LW1001"),
    ],
)
def test_a_server_that_cannot_be_trusted_is_refused(
    tmp_path: Path, setting: dict[str, str], url: str | None, code: str
) -> None:
    with RedisServer(setting) as server:
        address = (url or "{url}").format(url=server.url, port=server.port)
        command = [*laneway_command(), "--store", address, "worker", str(HERE / "fault_app.py")]
        found = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert found.returncode in {2, 3}
    assert f"error[{code}]" in found.stderr
    assert "  why: " in found.stderr
    assert "  fix: " in found.stderr
    assert server.password not in found.stderr


def test_doctor_warns_of_a_server_that_forgets(tmp_path: Path) -> None:
    with RedisServer({"appendonly": "no"}) as server:
        command = [*laneway_command(), "--store", server.url, "--json", "doctor"]
        found = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert any("append-only file" in json.dumps(line) for line in lines), found.stdout
    assert "acknowledged" in found.stdout


def test_a_full_server_refuses_new_jobs_and_workers_go_on(tmp_path: Path) -> None:
    with own_store("redis", tmp_path) as store:
        assert isinstance(store.server, RedisServer)
        system, audit = System(tmp_path, jobs=400, url=store.url), Audit()
        try:
            system.start_producer()
            wait_until(system.is_produced, 30, "the producer to end")
            ask(store.server, "CONFIG SET maxmemory 1")
            refused_quickly(store.url, "LW1006")
            system.start_worker()
            wait_until(lambda: audit.look(system) == (400, 400), 60, "all jobs to end")
            refused_quickly(store.url, "LW1006")
            ask(store.server, "CONFIG SET maxmemory 0")
            assert system.stop() == 0
            assert_nothing_lost(audit.verdict(system))
        finally:
            system.end()
