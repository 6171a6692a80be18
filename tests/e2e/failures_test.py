"""Attempts that fail, are repeated, time out or are cancelled."""

from __future__ import annotations

from pathlib import Path

import pytest
from stories import Story


def test_an_exception_is_shown_with_its_traceback(story: Story) -> None:
    story.worker()
    record = story.wait_for(story.delay("broken('no such account')"), "failed")
    failure = record["failure"]
    assert failure["code"] == "LW2010"
    assert failure["kind"].endswith("ValueError")
    assert failure["message"] == "no such account"
    assert "story_app.py" in failure["traceback"]
    assert "laneway/_runner" not in failure["traceback"]


def test_a_flaky_task_is_repeated_until_it_succeeds(story: Story, tmp_path: Path) -> None:
    story.worker()
    record = story.wait_for(story.delay(f"flaky('{tmp_path / 'count'}', 2)"), "succeeded")
    assert (record["result"], record["failures"]) == (3, 2)


def test_a_task_fails_when_its_attempts_are_used_up(story: Story, tmp_path: Path) -> None:
    story.worker()
    record = story.wait_for(story.delay(f"flaky('{tmp_path / 'count'}', 9)"), "failed")
    assert record["failures"] == 3
    assert record["failure"]["message"] == "failure 3"


def test_a_task_may_ask_for_another_attempt_sooner(story: Story, tmp_path: Path) -> None:
    story.worker()
    job = story.delay(f"asks_for_another_attempt('{tmp_path / 'seen'}')")
    assert story.wait_for(job, "succeeded")["result"] == "second"


@pytest.mark.parametrize(
    ("task", "kind"),
    [("asks_in_vain", "laneway.Retry"), ("is_rate_limited", "story_app.RateLimited")],
)
def test_a_wish_for_another_attempt_that_the_policy_refuses_is_explained(
    story: Story, task: str, kind: str
) -> None:
    story.worker()
    record = story.wait_for(story.delay(f"{task}()"), "failed")
    message = "the task asked to be tried again, but its policy allows 1 attempt"
    assert record["failure"]["message"] == message
    told = story.run("jobs", "wait", record["id"])
    assert told.stdout == f"{record['id']}  failed  LW2010: {kind}: {message}\n"


def test_an_exception_without_a_text_is_told_by_its_kind(story: Story) -> None:
    story.worker()
    job = story.delay("broken('')")
    story.wait_for(job, "failed")
    printed = story.python(
        "from laneway import JobFailed\n"
        f"try: m.app.job({job!r}).wait(timeout=10)\n"
        "except JobFailed as error: print(error.why)"
    )
    assert printed == "ValueError (LW2010)"


def test_a_task_may_refuse_further_attempts(story: Story) -> None:
    story.worker()
    record = story.wait_for(story.delay("gives_up()"), "failed")
    assert record["failures"] == 1
    assert "account does not exist" in record["failure"]["message"]


@pytest.mark.parametrize("task", ["sleeps_too_long", "blocks_too_long", "computes_too_long"])
def test_a_timeout_ends_an_attempt_in_every_lane(story: Story, task: str) -> None:
    story.worker()
    record = story.wait_for(story.delay(f"{task}()"), "failed")
    assert record["failure"]["code"] == "LW2004"


def test_a_result_that_cannot_be_stored_is_a_coded_failure(story: Story) -> None:
    story.worker()
    record = story.wait_for(story.delay("unencodable()"), "failed")
    assert record["failure"]["code"] == "LW3004"


def test_a_result_above_the_limit_is_a_coded_failure(story: Story) -> None:
    (story.folder / "laneway.toml").write_text('payload_max = "10KiB"\n')
    story.worker()
    small = story.wait_for(story.delay("returns_bytes(9_000)"), "succeeded")
    large = story.wait_for(story.delay("returns_bytes(11_000)"), "failed")
    assert small["failure"] is None
    assert large["failure"]["code"] == "LW3003"


@pytest.mark.parametrize("task", ["waiting_pid", "blocking_pid", "computing_pid"])
def test_a_running_job_is_cancelled_in_every_lane(story: Story, task: str) -> None:
    story.worker("--lease", "2s")
    job = story.delay(f"{task}(20)")
    story.wait_for(job, "running")
    assert story.run("jobs", "cancel", job).returncode == 0
    # A thread in a blocking call notices only afterwards; it is given up after the grace.
    record = story.wait_for(job, "cancelled", 20)
    assert record["failure"]["code"] == "LW2009"


def test_a_failed_job_is_run_again_when_a_person_says_so(story: Story, tmp_path: Path) -> None:
    story.worker()
    count = tmp_path / "count"
    job = story.delay(f"flaky('{count}', 3)")
    story.wait_for(job, "failed")
    assert story.run("jobs", "retry", job).returncode == 0
    assert story.wait_for(job, "succeeded")["result"] == 4
    refused = story.run("jobs", "retry", job)
    assert refused.returncode == 1
    assert "LW4002" in refused.stderr


def test_waiting_for_a_job_tells_by_its_status_how_it_ended(story: Story) -> None:
    story.worker()
    good, bad = story.delay("greet('Ada')"), story.delay("broken('no')")
    assert story.run("jobs", "wait", good, "--timeout", "10s").returncode == 0
    assert story.run("jobs", "wait", bad, "--timeout", "10s").returncode == 1


def test_jobs_behind_a_long_one_go_to_an_idle_process(story: Story) -> None:
    """A runner must not read ahead: what it has read, nobody can take back."""
    story.worker("--concurrency-process", "2")
    printed = story.python(
        "for job in [m.naps.delay(0.001) for _ in range(100)]: job.wait(timeout=20)\n"
        "long = m.naps.delay(8)\n"
        "for job in [m.naps.delay(0.001) for _ in range(30)]: job.wait(timeout=20)\n"
        "print(long.blocking.status(), long.blocking.cancel())"
    )
    assert printed == "running asked"


def test_cancelling_a_waiting_job_harms_no_other(story: Story) -> None:
    story.worker("--concurrency-process", "1", "--lease", "2s")
    printed = story.python(
        "for job in [m.naps.delay(0.001) for _ in range(100)]: job.wait(timeout=20)\n"
        "long = m.naps.delay(4)\n"
        "waiting = [m.naps.delay(0.001) for _ in range(10)]\n"
        "waiting[4].blocking.cancel()\n"
        "print(long.wait(timeout=20), long.blocking.details()['token'])"
    )
    assert printed == "None 1"


def test_a_task_that_stops_the_loop_ends_no_other(story: Story) -> None:
    story.worker()
    printed = story.python(
        "others = [m.waiting_pid.delay(1.0) for _ in range(5)]\n"
        "while any(job.blocking.status() != 'running' for job in others): pass\n"
        "stopper = m.stops_the_loop.delay()\n"
        "print(stopper.wait(timeout=10), len({job.wait(timeout=10) for job in others}))"
    )
    assert printed == "went on 1"


def test_an_exception_that_python_keeps_for_itself_ends_the_attempt(story: Story) -> None:
    story.worker()
    record = story.wait_for(story.delay("raises_generator_exit()"), "failed")
    assert record["failure"]["kind"] == "GeneratorExit"
