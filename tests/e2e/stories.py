"""What every end-to-end test shares: the installed command, a store of its own, a worker on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

HERE = Path(__file__).resolve().parent


def laneway_command() -> list[str]:
    """The installed `laneway` command of this environment."""
    script = Path(sysconfig.get_path("scripts")) / "laneway"
    return [str(script)] if script.exists() else [sys.executable, "-m", "laneway"]


def wait_until(condition: Callable[[], bool], seconds: float = 15, what: str = "it") -> None:
    """Waits for something that only another process can bring about."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            message = f"{what} did not happen within {seconds} s"
            raise TimeoutError(message)
        time.sleep(0.01)


@dataclass
class Story:
    """A folder with a store and an application, and the commands that act on them."""

    folder: Path
    app: Path = HERE / "story_app.py"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    workers: list[subprocess.Popen[str]] = field(default_factory=list[subprocess.Popen[str]])
    #: A store on a server; empty for a file in the folder.
    url: str = ""

    @property
    def store(self) -> str:
        """The store's URL."""
        return self.url or f"sqlite:///{self.folder}/story.db"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of every process."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LANEWAY_")}
        return {**inherited, "LANEWAY_STORE": self.store, **self.environment}

    def run(self, *arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """Runs a `laneway` command to its end."""
        return subprocess.run(
            [*laneway_command(), *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        """Runs a `laneway --json` command that must succeed; gives its lines."""
        done = self.run("--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def job(self, id: str) -> dict[str, Any]:
        """Everything known of a job."""
        return self.json("jobs", "show", id)[0]

    def python(self, code: str) -> str:
        """Runs Python to which the application's module is `m`; gives what it prints."""
        program = f"import asyncio\nimport {self.app.stem} as m\n{code}"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.app.parent,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def coroutine(self, code: str) -> str:
        """Runs the body of a coroutine as `python` does; gives what it prints."""
        return self.python(f"async def main():\n{indent(code, '    ')}\nasyncio.run(main())")

    def delay(self, call: str, **options: object) -> str:
        """Enqueues `task.options(…).delay(…)` of the application; gives the job's id."""
        return self.delay_times(1, call, **options)[0]

    def delay_times(self, count: int, call: str, **options: object) -> list[str]:
        """Enqueues so many jobs of one call; gives their ids."""
        task, _, arguments = call.partition("(")
        enqueue = f"m.{task}.options(**{options!r}).delay({arguments}"
        return self.python(f"for _ in range({count}): print({enqueue}.id)").split()

    def worker(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a worker and waits until it is ready."""
        with (self.folder / "worker.err").open("ab") as errors:
            process = subprocess.Popen(
                [*laneway_command(), "--json", "worker", str(self.app), *arguments],
                cwd=self.folder,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.workers.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            # Tasks may print to standard output as well.
            if line.startswith("{") and json.loads(line).get("event") == "ready":
                return process
        message = f"no worker: {(self.folder / 'worker.err').read_text()}"
        raise RuntimeError(message)

    def wait_for(self, job: str, state: str, seconds: float = 15) -> dict[str, Any]:
        """Waits until a job is in a state; gives its record."""
        wait_until(lambda: self.job(job)["state"] == state, seconds, f"{job} to be {state}")
        return self.job(job)

    def end(self) -> None:
        """Kills the workers that still run."""
        while self.workers:
            process = self.workers.pop()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def jobs_of_every_state(story: Story) -> dict[str, str]:
    """Leaves a job in every state; the worker that holds the running one is dead."""
    jobs = {"succeeded": story.delay("greet('Ada', greeting='good day')")}
    jobs["failed"] = story.delay("broken('as planned')")
    worker = story.worker()
    story.wait_for(jobs["succeeded"], "succeeded")
    story.wait_for(jobs["failed"], "failed")
    jobs["running"] = story.delay("waiting_pid(60)")
    story.wait_for(jobs["running"], "running")
    worker.kill()
    story.end()
    jobs["ready"] = story.delay("greet('Grace')", key="grace", priority=7)
    jobs["paused"] = story.delay("greet('Barbara')", queue="slow")
    assert story.run("queues", "pause", "slow").returncode == 0
    jobs["scheduled"] = story.delay("greet('Edsger')", after="36500d")
    jobs["limited"] = story.delay("limited()", after="2h")
    jobs["cancelled"] = story.delay("greet('nobody')")
    assert story.run("jobs", "cancel", jobs["cancelled"]).returncode == 0
    return jobs


def told(export: str) -> dict[str, dict[str, Any]]:
    """What an export says, by what it speaks of; when it was made does not matter."""
    found: dict[str, dict[str, Any]] = {}
    for line in map(json.loads, export.splitlines()):
        name = line.get("id") or line.get("name") or ""
        found.setdefault(line["kind"], {})[name] = line
    del found["begin"]
    return found
