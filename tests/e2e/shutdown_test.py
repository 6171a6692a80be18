"""How a worker ends."""

from __future__ import annotations

import signal
import time

from stories import Story, wait_until


def test_sigterm_lets_running_jobs_end_and_hands_back_the_rest(story: Story) -> None:
    worker = story.worker("--concurrency-process", "1")
    ids = story.delay_times(6, "computing_pid(0.8)")
    story.wait_for(ids[0], "succeeded")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0
    states = [story.job(id)["state"] for id in ids]
    assert 2 <= states.count("succeeded") < 6
    assert set(states) == {"succeeded", "ready"}
    assert story.json("status")[0]["workers"] == []


def test_a_second_signal_ends_at_once_and_loses_nothing(story: Story) -> None:
    worker = story.worker("--lease", "1s", "--sweep-every", "200ms")
    job = story.delay("waiting_pid(30)")
    story.wait_for(job, "running")
    worker.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=5) == 143
    story.worker("--lease", "1s", "--sweep-every", "200ms")
    wait_until(lambda: story.job(job)["token"] == 2, 10, "the job to be claimed again")
    assert story.run("jobs", "cancel", job).returncode == 0
    story.wait_for(job, "cancelled")


def test_a_drain_that_takes_too_long_is_cut_short(story: Story) -> None:
    worker = story.worker("--drain-timeout", "500ms")
    job = story.delay("waiting_pid(30)")
    story.wait_for(job, "running")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=15) == 0
    assert story.job(job)["state"] == "ready"
