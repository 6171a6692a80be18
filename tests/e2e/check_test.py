"""`laneway check` joined with what really ran: a program under `laneway profile`, and a worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stories import Story, laneway_command, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stacks are read from /proc")

LIBRARY = """
import time

class Client:
    def fetch(self, key):
        time.sleep(0.3)
        return key
"""

PROGRAM = """
import asyncio
import time
from acme import Client

client = Client()

def pause():
    time.sleep(0.15)

async def known():
    pause()

async def unknown():
    client.fetch("x")

async def spared():
    time.sleep(0)
    await asyncio.sleep(0.01)

async def main():
    await asyncio.gather(known(), unknown(), spared())

if __name__ == "__main__":
    asyncio.run(main())
"""

APP = """
import asyncio, time
from laneway import Laneway
app = Laneway(name="lab")

def read(n):
    time.sleep(0.12)
    return n

@app.task
async def blocks(n: int) -> int:
    return read(n)

@app.task(lane="thread")
def waits_in_a_thread(n: int) -> None:
    time.sleep(0.12)
"""


@pytest.fixture
def lab_source() -> str:
    return APP


class Project:
    """A program in a folder, and a library in a folder that looks like an installed one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        (self.folder / "program.py").write_text(PROGRAM)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "venv" / "lib" / version / "site-packages"
        (self.packages / "acme").mkdir(parents=True)
        (self.packages / "acme" / "__init__.py").write_text("from acme.client import Client\n")
        (self.packages / "acme" / "client.py").write_text(LIBRARY)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of `laneway` to its end."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LANEWAY_")}
        return subprocess.run(
            [*laneway_command(), *words],
            cwd=self.folder,
            env={**inherited, "PYTHONPATH": str(self.packages)},
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def findings(self, *words: str) -> list[dict[str, Any]]:
        """What `laneway check --json` says."""
        done = self.run("--json", "check", *words)
        assert done.returncode in {0, 1}, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def line_of(text: str, code: str) -> int:
    return text.splitlines().index(code) + 1


@pytest.fixture
def profiled(tmp_path: Path) -> Project:
    """A project whose program ran under `laneway profile`; the report is `run.json`."""
    project = Project(tmp_path)
    report = ("--json", "--out", "run.json")
    done = project.run("profile", *report, "--", sys.executable, "program.py")
    assert done.returncode == 0, done.stderr
    return project


def test_a_run_gives_findings_their_cost_and_tells_what_reading_missed(profiled: Project) -> None:
    missed, found = profiled.findings("--profile", "run.json")
    assert (missed["rule"], found["rule"]) == ("LW002", "LW110")
    assert missed["location"]["line"] == line_of(PROGRAM, '    client.fetch("x")')
    assert missed["message"].endswith("nothing is known of the library `acme`")
    assert found["location"]["line"] == line_of(PROGRAM, "    time.sleep(0.15)")
    assert missed["measured"]["longest_ms"] >= 299
    assert 149 <= found["measured"]["total_ms"] < missed["measured"]["total_ms"]
    assert 0.2 < found["measured"]["loop_share"] < 0.5
    assert [task.split(" ")[0] for task in found["measured"]["tasks"]] == ["known"]
    assert all(finding["measured"] is None for finding in profiled.findings())


def test_a_run_teaches_the_names_of_what_blocked(profiled: Project) -> None:
    learned = profiled.run("check", "--learn", "run.json")
    assert learned.returncode == 0, learned.stderr
    assert 'names = ["acme.Client.fetch", "acme.client.Client.fetch"]' in learned.stdout
    assert "`time.sleep` is known to block" in learned.stdout
    assert [it["rule"] for it in profiled.findings()] == ["LW110"]
    (profiled.folder / "learned.toml").write_text(learned.stdout)
    settings = '[tool.laneway.check]\nknowledge = ["learned.toml"]\n'
    (profiled.folder / "pyproject.toml").write_text(settings)
    by_rule = {it["rule"]: it for it in profiled.findings("--profile", "run.json")}
    assert by_rule.keys() == {"LW105", "LW110"}
    assert by_rule["LW105"]["call"] == "acme.Client.fetch"
    assert by_rule["LW105"]["measured"]["count"] >= 1


def test_what_a_worker_measured_is_put_to_the_findings(lab: Story) -> None:
    lab.worker()
    jobs = [*lab.delay_times(8, "blocks(7)"), *lab.delay_times(8, "waits_in_a_thread(7)")]
    for job in jobs:
        lab.wait_for(job, "succeeded", 30)

    def findings() -> list[dict[str, Any]]:
        done = lab.run("--json", "check", "lab.py", "--profile", lab.store)
        assert done.returncode == 1, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def seen() -> int:
        measured = findings()[0]["measured"]
        return measured["count"] if measured else 0

    wait_until(lambda: seen() >= 8, 15, "the measurements to be in the store")
    # What blocks a thread of the thread lane keeps no loop, and is none of these.
    (found,) = findings()
    assert (found["rule"], found["call"]) == ("LW110", "time.sleep")
    assert found["location"]["line"] == line_of(APP, "    time.sleep(0.12)")
    assert found["measured"]["tasks"] == ["lab.blocks"]
    assert found["measured"]["longest_ms"] >= 119
    assert found["measured"]["total_ms"] >= 8 * 119
    assert found["measured"]["ms_per_hour"] > 0
    learned = lab.run("check", "lab.py", "--learn", lab.store)
    assert (learned.returncode, "[[entry]]" in learned.stdout) == (0, False)
    assert "`time.sleep` is known to block" in learned.stdout
