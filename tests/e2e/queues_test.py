"""Queues, priorities, delays and limits."""

from __future__ import annotations

import time

from stories import Story


def test_a_paused_queue_waits_and_a_resumed_one_runs(story: Story) -> None:
    story.worker()
    story.wait_for(story.delay("greet('first')"), "succeeded")
    assert story.run("queues", "pause", "default").returncode == 0
    job = story.delay("greet('second')")
    other = story.delay("greet('x')", queue="q2")
    assert story.job(job)["state"] == "ready"
    assert story.job(other)["state"] == "ready"
    listed = {queue["name"]: queue for queue in story.json("queues", "list")}
    assert listed["default"]["is_paused"] is True
    assert story.run("queues", "resume", "default").returncode == 0
    story.wait_for(job, "succeeded")


def test_urgent_jobs_go_first(story: Story) -> None:
    ids = [story.delay("greet('Ada')", priority=priority) for priority in (0, -5, 50)]
    story.worker("--concurrency-async", "1")
    records = [story.wait_for(id, "succeeded") for id in ids]
    order = sorted(records, key=lambda record: record["claimed_at"])
    assert [record["priority"] for record in order] == [50, 0, -5]


def test_a_delayed_job_runs_when_it_is_due(story: Story) -> None:
    story.worker()
    job = story.delay("greet('x')", after="700ms")
    assert story.job(job)["state"] == "scheduled"
    began = time.monotonic()
    story.wait_for(job, "succeeded", 5)
    assert time.monotonic() - began < 3


def test_the_same_key_is_the_same_job(story: Story) -> None:
    first, second = story.delay_times(2, "greet('x')", key="r-42")
    assert first == second


def test_a_rate_limit_is_kept_by_two_workers_together(story: Story) -> None:
    story.worker()
    story.worker()
    ids = story.delay_times(12, "limited()")
    starts = sorted(story.wait_for(id, "succeeded")["result"] for id in ids)
    # Twelve starts at ten a second, one at a time: eleven intervals of 100 ms between them. A start
    # may follow its permit late, never early; 20 ms allow for the way from the claim to the task.
    assert starts[-1] - starts[0] >= 1.1 - 0.02
