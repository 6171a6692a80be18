"""A user moves to another store, and everything goes on there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from stories import Story, jobs_of_every_state, told

from servers import PostgresServer, RedisServer

KINDS = ("sqlite", "redis", "postgres")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """The URLs that begin those of stores on servers."""
    with RedisServer() as redis, PostgresServer() as postgres:
        yield {"redis": f"{redis.url}?namespace=", "postgres": f"{postgres.url}?schema="}


def empty_store(kind: str, servers: dict[str, str], folder: Path) -> Story:
    """An application on an empty store of a kind."""
    folder.mkdir()
    url = f"{servers[kind]}moves_{secrets.token_hex(4)}" if kind in servers else ""
    return Story(folder, url=url)


def moved(story: Story, folder: Path) -> Story:
    """The same application on a new store, with all that the old one held."""
    (folder / "new").mkdir()
    new = Story(folder / "new")
    export = story.run("export")
    assert export.returncode == 0, export.stderr
    lines = folder / "jobs.jsonl"
    lines.write_text(export.stdout)
    done = new.run("import", os.fspath(lines))
    assert done.returncode == 0, done.stderr
    return new


def test_waiting_jobs_run_in_the_new_store_and_old_results_are_read_there(
    story: Story, tmp_path: Path
) -> None:
    story.worker()
    before = story.delay("greet('Ada', greeting='good day')")
    story.wait_for(before, "succeeded")
    story.end()
    waiting = story.delay("greet('Grace')")
    later = story.delay("greet('Edsger')", after="1h")
    new = moved(story, tmp_path)
    try:
        new.worker()
        assert new.wait_for(waiting, "succeeded")["result"] == "hello Grace"
        assert new.job(before)["result"] == "good day Ada"
        assert new.job(later)["state"] == "scheduled"
        assert (
            new.python(f"print(m.app.job({before!r}, str).blocking.result(timeout=5))")
            == "good day Ada"
        )
    finally:
        new.end()


def test_a_job_whose_worker_was_killed_runs_again_in_the_new_store(
    story: Story, tmp_path: Path
) -> None:
    worker = story.worker()
    job = story.delay("computing_pid(20)")
    story.wait_for(job, "running")
    worker.kill()
    story.end()
    new = moved(story, tmp_path)
    try:
        record = new.job(job)
        assert (record["state"], record["interrupts"], record["token"]) == ("ready", 1, 1)
        new.worker()
        assert new.wait_for(job, "running")["token"] == 2
        assert new.run("jobs", "cancel", job).returncode == 0
        new.wait_for(job, "cancelled")
    finally:
        new.end()


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("old_kind", "new_kind"), list(product(KINDS, KINDS)))
def test_nothing_is_lost_between_any_two_stores(
    tmp_path: Path, servers: dict[str, str], old_kind: str, new_kind: str
) -> None:
    old = empty_store(old_kind, servers, tmp_path / "old")
    new = empty_store(new_kind, servers, tmp_path / "new")
    try:
        jobs = jobs_of_every_state(old)
        lines = tmp_path / "jobs.jsonl"
        exported = old.run("export")
        assert exported.returncode == 0, exported.stderr
        lines.write_text(exported.stdout)
        for _ in range(2):
            # The second time everything is known there.
            imported = new.run("import", os.fspath(lines))
            assert imported.returncode == 0, imported.stderr
        before, after = told(exported.stdout), told(new.run("export").stdout)
        interrupted = before["job"].pop(jobs["running"]), after["job"].pop(jobs["running"])
        assert after == before
        assert interrupted[0]["state"] == "running"
        assert (interrupted[1]["state"], interrupted[1]["interrupts"]) == ("ready", 1)
        assert interrupted[0]["args"] == interrupted[1]["args"]
        new.worker("--queue", "default", "--queue", "slow")
        assert new.wait_for(jobs["ready"], "succeeded")["result"] == "hello Grace"
        assert new.wait_for(jobs["running"], "running")["token"] == 2
        assert new.job(jobs["paused"])["state"] == "ready"
        assert new.job(jobs["scheduled"])["state"] == "scheduled"
        assert new.run("queues", "resume", "slow").returncode == 0
        assert new.wait_for(jobs["paused"], "succeeded")["result"] == "hello Barbara"
    finally:
        old.end()
        new.end()
