"""Whatever is wrong is said with a code, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stories import Story


def refusal(story: Story, code: str) -> str:
    """Runs Python that must end in a Laneway error; gives the error's code and text."""
    return story.python(
        "from laneway import LanewayError\n"
        f"try:\n    {code}\n"
        "except LanewayError as error:\n    print(error.code, error.why, error.fix)\n"
        "else:\n    print('accepted')"
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("m.greet.delay()", "LW3002"),
        ("m.greet.delay('x', shout=True)", "LW3002"),
        ("m.greet.delay(object())", "LW3001"),
        ("m.greet.delay('x' * 2_000_000)", "LW3003"),
        ("m.app.task(name=m.greet.name)(lambda: None)", "LW1032"),
    ],
)
def test_a_wrong_call_is_refused_at_enqueue(story: Story, code: str, expected: str) -> None:
    before = story.delay("greet('Ada')")
    assert refusal(story, code).split()[0] == expected
    assert [record["id"] for record in story.json("jobs", "list")] == [before]


def test_a_task_that_no_worker_knows_is_handed_back_not_lost(story: Story) -> None:
    other = story.folder / "other_app.py"
    other.write_text(
        "from laneway import Laneway\napp = Laneway()\n"
        "@app.task\nasync def greet(name: str) -> str: return name\n"
        "@app.task\nasync def newer(name: str) -> str: return name\n"
    )
    new = Story(story.folder, app=other)
    job = new.delay("newer('x')")
    old = story.worker()
    story.wait_for(job, "scheduled")
    new.worker()
    # Both would race for it, with a longer pause after each time that the old one wins.
    old.terminate()
    try:
        assert new.wait_for(job, "succeeded", 20)["result"] == "x"
    finally:
        new.end()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("import nothing_like_this", "LW1031"),
        ("x = 1", "LW1030"),
        ("def f(:", "LW1031"),
    ],
)
def test_an_app_that_cannot_be_loaded_ends_the_worker_with_a_code(
    story: Story, text: str, code: str
) -> None:
    path = story.folder / "broken_app.py"
    path.write_text(text)
    done = story.run("worker", str(path))
    assert done.returncode == 2
    assert code in done.stderr


def test_a_python_without_laneway_is_named_as_the_reason(story: Story) -> None:
    bare = story.folder / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    done = story.run("worker", str(story.app), "--python", str(bare / "bin/python"))
    assert done.returncode == 2
    assert f"error[LW1033]: the Python `{bare / 'bin/python'}` has no Laneway" in done.stderr
    assert "No module named 'laneway'" in done.stderr


def test_a_missing_app_is_named(story: Story) -> None:
    done = story.run("worker", "no_such_module:app")
    assert done.returncode == 2
    assert "LW103" in done.stderr


def test_a_damaged_store_is_refused(story: Story) -> None:
    (story.folder / "story.db").write_bytes(os.urandom(20_000))
    done = story.run("status")
    assert done.returncode == 3
    assert "LW1003" in done.stderr


def test_a_store_of_a_newer_release_is_refused(story: Story) -> None:
    import sqlite3

    story.delay("greet('Ada')")
    assert story.run("status").returncode == 0
    with sqlite3.connect(story.folder / "story.db") as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    done = story.run("status")
    assert done.returncode == 3
    assert "LW1004" in done.stderr


@pytest.mark.parametrize(
    "url", ["redis://", "amqp://localhost", "nonsense", "sqlite://relative.db"]
)
def test_a_store_url_that_is_not_possible_is_explained(story: Story, url: str) -> None:
    done = story.run("--store", url, "status")
    assert done.returncode == 2
    assert "LW100" in done.stderr
    assert "fix:" in done.stderr


def test_an_unknown_setting_is_named_with_its_closest(story: Story) -> None:
    (story.folder / "laneway.toml").write_text('stoer = "memory://"\n')
    done = story.run("status")
    assert done.returncode == 2
    assert "LW1020" in done.stderr
    assert "store" in done.stderr


def test_a_folder_that_cannot_be_written_is_explained(story: Story, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = story.run("--store", f"sqlite:///{blocked}/x.db", "status")
    assert done.returncode == 3
    assert "error[LW" in done.stderr
