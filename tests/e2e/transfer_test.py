"""A user moves to another store, and everything goes on there."""

from __future__ import annotations

import os
from pathlib import Path

from stories import Story


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
