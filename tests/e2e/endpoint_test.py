"""What a worker answers over HTTP: to the probes of a cluster, and to an autoscaler."""

from __future__ import annotations

import re
import signal
import subprocess

import httpx
from stories import Story, wait_until


def listening(story: Story) -> tuple[subprocess.Popen[str], httpx.Client]:
    """A worker that answers, and who asks it."""
    worker = story.worker("--listen", "127.0.0.1:0", "--drain-timeout", "20s")
    told = re.search(r"http://127\.0\.0\.1:\d+", (story.folder / "worker.err").read_text())
    assert told
    return worker, httpx.Client(base_url=told[0], timeout=5, trust_env=False)


def test_an_autoscaler_is_told_what_there_is_to_do(story: Story) -> None:
    _, client = listening(story)
    assert client.get("/queues").json()["backlog"] == 0
    job = story.delay("waiting_pid(30)")
    story.wait_for(job, "running")
    told = client.get("/queues").json()
    assert (told["backlog"], told["queues"]["default"]["running"]) == (1, 1)
    assert story.run("jobs", "cancel", job).returncode == 0
    story.wait_for(job, "cancelled")
    assert client.get("/queues").json()["backlog"] == 0


def test_a_worker_that_drains_lives_and_is_not_ready(story: Story) -> None:
    worker, client = listening(story)
    assert client.get("/ready").json()["is_ready"]
    job = story.delay("waiting_pid(2)")
    story.wait_for(job, "running")
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: client.get("/ready").status_code == 503, 5, "the worker to drain")
    assert client.get("/ready").json()["condition"] == "draining"
    assert client.get("/live").status_code == 200
    assert worker.wait(timeout=20) == 0
    assert story.job(job)["state"] == "succeeded"


def test_a_worker_whose_address_is_taken_says_so(story: Story) -> None:
    _, client = listening(story)
    done = story.run("worker", str(story.app), "--listen", client.base_url.netloc.decode())
    assert done.returncode == 2
    assert "LW1021" in done.stderr
