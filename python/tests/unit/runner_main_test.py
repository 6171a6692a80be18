"""The main runner executes what its supervisor sends: the async lane."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from python.tests.unit.runner_under_test import JOB_TEXT, NO_ARGUMENTS, RunnerUnderTest

APP = Path(__file__).with_name("runner_app.py")


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[RunnerUnderTest]:
    with RunnerUnderTest(APP, "main", LANEWAY_LOOP=request.param) as started:
        yield started


def test_a_runner_says_what_it_has_imported() -> None:
    with contextlib.closing(RunnerUnderTest(APP, "main")) as runner:
        _, _, pid, python, (name, identity, store, tasks) = runner.greet()
        assert pid == runner.process.pid
    assert python.startswith("CPython 3.")
    assert (name, store) == (str(APP), "sqlite:////nowhere/jobs.db")
    assert identity == "t"
    assert ["t.double", "async", "default", "async_def", False, None, False, []] in tasks
    assert tasks == sorted(tasks)


def test_an_application_that_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    app = tmp_path / "wrong.py"
    app.write_text("import nothing_of_that_name")
    with contextlib.closing(RunnerUnderTest(app, "main")) as runner:
        code, what, why, _ = runner.next("Refused")
        assert runner.process.wait(20) == 2
    assert code == "LW1031"
    assert "`wrong`" in what
    assert "No module named 'nothing_of_that_name'" in why


def test_many_attempts_of_one_frame_start_together_and_all_end(runner: RunnerUnderTest) -> None:
    runner.run(*[(number, "double", {"n": number}) for number in range(500)])
    assert runner.next("Started") == list(range(500))
    ends = runner.ends(500)
    assert set(ends) == set(range(500))
    assert all(list(end) == ["Returned"] for end in ends.values())


def lines(runner: RunnerUnderTest, count: int) -> dict[int, tuple[int, int]]:
    """For how long attempts stood in line for their first step, and how long that took."""
    found: dict[int, tuple[int, int]] = {}
    while len(found) < count:
        for number, _, _, _, first_step in runner.next("Done"):
            found[number] = tuple(first_step)
    return found


def test_attempts_of_one_frame_stand_in_line_for_each_other(runner: RunnerUnderTest) -> None:
    runner.run(*[(number, "blocks", {"seconds": 0.02}) for number in range(4)])
    found = lines(runner, 4)
    for number in range(1, 4):
        in_line, took = found[number - 1]
        assert took >= 20_000
        assert found[number][0] >= in_line + took


def test_the_time_to_open_resources_is_no_time_in_line(runner: RunnerUnderTest) -> None:
    runner.run((1, "uses_slow", NO_ARGUMENTS))
    [(in_line, _)] = lines(runner, 1).values()
    assert in_line < 500_000


def test_a_result_comes_back(runner: RunnerUnderTest) -> None:
    runner.run((1, "double", {"n": 21}))
    assert runner.end(1) == ("Returned", 42)


def test_the_current_job_is_known(runner: RunnerUnderTest) -> None:
    runner.run((1, "who", NO_ARGUMENTS))
    assert runner.end(1) == ("Returned", [JOB_TEXT, "t.who", "mail", 2])


@pytest.mark.parametrize("reason", ["timeout", "cancel", "shutdown"])
def test_an_attempt_that_is_stopped_tells_the_reason(runner: RunnerUnderTest, reason: str) -> None:
    runner.run((1, "wait", NO_ARGUMENTS))
    assert runner.line() == "waits"
    runner.stop(1, reason)
    assert runner.end(1) == ("Stopped", reason)
    assert runner.line() == "stop was True"


def test_an_attempt_that_is_stopped_before_its_first_step_ends_as_well(
    runner: RunnerUnderTest,
) -> None:
    for number in range(1, 50):
        runner.run((number, "wait", NO_ARGUMENTS))
        runner.stop(number, "cancel")
    ends = runner.ends(49)
    assert all(end == {"Stopped": "cancel"} for end in ends.values())


def test_a_task_that_returns_after_the_stop_has_succeeded(runner: RunnerUnderTest) -> None:
    runner.run((1, "stubborn", NO_ARGUMENTS))
    runner.line()
    runner.stop(1, "cancel")
    assert runner.end(1) == ("Returned", "finished anyway")


def test_a_cancellation_that_nobody_asked_for_is_a_failure(runner: RunnerUnderTest) -> None:
    runner.run((1, "cancels_itself", NO_ARGUMENTS))
    kind, (failure, retryable, *_) = runner.end(1)
    assert (kind, failure[1], retryable) == ("Raised", "asyncio.exceptions.CancelledError", True)


def test_a_stop_of_an_ended_attempt_changes_nothing(runner: RunnerUnderTest) -> None:
    runner.run((1, "double", {"n": 1}))
    runner.end(1)
    runner.stop(1, "cancel")
    runner.run((2, "double", {"n": 2}))
    assert runner.end(2) == ("Returned", 4)


def test_a_resource_is_opened_once_and_closed_in_reverse(runner: RunnerUnderTest) -> None:
    runner.run(*[(number, "uses_pool", NO_ARGUMENTS) for number in range(5)])
    assert len(runner.ends(5)) == 5
    runner.run((9, "uses_pool_in_thread", NO_ARGUMENTS))
    assert runner.end(9) == ("Returned", ["connection"])
    assert runner.drain() == 0
    assert runner.output().splitlines() == [
        "connection opens in True",
        "pool opens on connection",
        "pool closes",
        "connection closes",
    ]


def test_a_thread_can_be_the_first_to_need_a_resource(runner: RunnerUnderTest) -> None:
    runner.run(*[(number, "uses_pool_in_thread", NO_ARGUMENTS) for number in range(3)])
    assert set(runner.ends(3)) == {0, 1, 2}
    assert runner.drain() == 0
    assert runner.output().count("opens") == 2


def test_a_resource_that_cannot_be_opened_fails_the_attempt(runner: RunnerUnderTest) -> None:
    for number in (1, 2):
        runner.run((number, "uses_broken", NO_ARGUMENTS))
        kind, (failure, retryable, *_) = runner.end(number)
        assert (kind, failure[0], retryable) == ("Raised", "LW3011", True)
        assert "no such host" in failure[2]
        assert "OSError" in failure[3]


def test_progress_sends_the_latest_word(runner: RunnerUnderTest) -> None:
    runner.run((1, "reports", {"steps": 10_000}))
    assert runner.line() == "reported"
    seen: list[Any] = []
    while not seen or seen[-1][1] != 10_000:
        seen += runner.next("Progress")
    assert seen[-1] == [1, 10_000.0, 10_000.0, "step 10000"]
    assert len(seen) < 200


def test_a_ping_is_answered_from_the_loop(runner: RunnerUnderTest) -> None:
    runner.send({"Ping": 7})
    assert runner.next("Pong") == 7


def test_drain_lets_running_attempts_end_first(runner: RunnerUnderTest) -> None:
    runner.run((1, "wait", {"seconds": 0.2}), (2, "quick_in_thread", {"n": 1}))
    runner.line()
    assert runner.drain() == 0
    assert set(runner.ends(2)) == {1, 2}


def test_signals_of_the_terminal_are_left_to_the_supervisor(runner: RunnerUnderTest) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(runner.process.pid, number)
    runner.run((1, "double", {"n": 1}))
    assert runner.end(1) == ("Returned", 2)


def test_a_runner_ends_with_its_supervisor(runner: RunnerUnderTest) -> None:
    runner.run((1, "wait", NO_ARGUMENTS))
    runner.line()
    runner.close()
    assert runner.process.returncode == 1
