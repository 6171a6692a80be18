"""The thread lane and the process runner execute blocking tasks, and stop them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from python.tests.unit.runner_under_test import NO_ARGUMENTS, RunnerUnderTest

APP = Path(__file__).with_name("runner_app.py")
KINDS = {"thread": "main", "process": "process"}


@pytest.fixture(params=list(KINDS))
def lane(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def runner(lane: str) -> Iterator[RunnerUnderTest]:
    with RunnerUnderTest(APP, KINDS[lane]) as started:
        yield started


def test_results_come_back(runner: RunnerUnderTest, lane: str) -> None:
    runner.run(*[(number, f"quick_in_{lane}", {"n": number}) for number in range(200)])
    ends = runner.ends(200)
    assert {n: msgspec.msgpack.decode(end["Returned"]) for n, end in ends.items()} == {
        number: number for number in range(200)
    }


@pytest.mark.parametrize(
    ("reason", "exception"),
    [
        ("timeout", "AttemptTimedOut"),
        ("cancel", "AttemptCancelled"),
        ("shutdown", "AttemptInterrupted"),
    ],
)
def test_a_stop_is_raised_in_the_task(
    runner: RunnerUnderTest, lane: str, reason: str, exception: str
) -> None:
    runner.run((1, f"spin_in_{lane}", NO_ARGUMENTS))
    assert runner.line() == "spins"
    runner.stop(1, reason)
    assert runner.end(1) == ("Stopped", reason)
    assert runner.line() == f"stopped by {exception} True"
    runner.run((2, f"quick_in_{lane}", {"n": 5}))
    assert runner.end(2) == ("Returned", 5)


def test_a_stop_that_comes_at_the_end_hits_no_other_attempt(
    runner: RunnerUnderTest, lane: str
) -> None:
    """Stops race with the ends of quick attempts; none may end by the stop of another."""
    attempts = 300
    for number in range(attempts):
        # Odd attempts are stopped at about the time that they end; even ones never are.
        runner.run((number, f"quick_in_{lane}", {"n": number}))
        if number % 2:
            runner.stop(number, "cancel")
    ends = runner.ends(attempts)
    for number, end in ends.items():
        if number % 2 == 0 or "Returned" in end:
            assert msgspec.msgpack.decode(end["Returned"]) == number
        else:
            assert end == {"Stopped": "cancel"}


@pytest.mark.parametrize("task", ["raises_async", "raises_in_thread", "raises_in_process"])
@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("error", ("LW2010", "ValueError", "no tea", True, None, False)),
        ("retry", ("LW2010", "laneway.Retry", "later", True, [30, 0], True)),
        ("own retry", ("LW2010", "runner_app.RateLimited", "later", True, None, True)),
        ("fail", ("LW2010", "laneway.Fail", "never", False, None, False)),
        ("exit", ("LW2010", "SystemExit", "3", True, None, False)),
        ("interrupt", ("LW2010", "KeyboardInterrupt", "", True, None, False)),
        ("surrogate", ("LW2010", "ValueError", "\\udc80", True, None, False)),
    ],
)
def test_an_exception_is_a_failure_with_a_traceback_of_the_task(
    task: str, how: str, expected: tuple[Any, ...]
) -> None:
    with RunnerUnderTest(APP, "process" if task.endswith("process") else "main") as runner:
        runner.run((1, task, {"how": how}))
        kind, (failure, *rest) = runner.end(1)
        code, name, message, traceback = failure
        assert (kind, (code, name, message, *rest)) == ("Raised", expected)
        assert f"in {task}" in traceback
        assert "_runner/" not in traceback
        assert "<laneway" not in traceback
        runner.run((2, task, {"how": "error"}))
        assert runner.end(2)[0] == "Raised"


def test_bad_ends_have_codes_and_are_not_tried_again(runner: RunnerUnderTest, lane: str) -> None:
    runner.run(
        (1, f"raises_in_{lane}", {"how": "nothing"}),
        (2, f"raises_in_{lane}", {"how": 3}),
        (3, f"raises_in_{lane}", {"other": "x"}),
    )
    ends = runner.ends(3)
    codes = {number: end["Raised"][0][0] for number, end in ends.items()}
    assert codes == {1: "LW3004", 2: "LW3005", 3: "LW3005"}
    assert all(end["Raised"][1] is False for end in ends.values())


def test_a_long_message_is_cut(runner: RunnerUnderTest, lane: str) -> None:
    runner.run((1, f"raises_in_{lane}", {"how": "large"}))
    _, (failure, *_) = runner.end(1)
    assert len(failure[2]) < 5_000
    assert len(failure[3]) <= 16 * 1_024


def test_resources_serve_blocking_tasks(runner: RunnerUnderTest, lane: str) -> None:
    runner.run((1, f"uses_pool_in_{lane}", NO_ARGUMENTS), (2, f"uses_pool_in_{lane}", {}))
    assert len(runner.ends(2)) == 2
    assert runner.drain() == 0
    lines = runner.output().splitlines()
    assert lines[1:] == ["pool opens on connection", "pool closes", "connection closes"]


def test_cpu_time_is_measured() -> None:
    with RunnerUnderTest(APP, "process") as runner:
        runner.run((1, "burn", {"milliseconds": 30}))
        [(_, _, wall_us, cpu_us, first_step)] = runner.next("Done")
        assert 30_000 <= cpu_us <= wall_us + 1_000
        assert first_step is None, "it has no steps on a loop"


def test_a_process_runner_is_nice_and_has_no_input() -> None:
    with RunnerUnderTest(APP, "process") as runner:
        niceness = os.getpriority(os.PRIO_PROCESS, runner.process.pid)
        assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
        runner.run((1, "reads_input", NO_ARGUMENTS))
        assert runner.end(1) == ("Returned", "")


def test_progress_is_told_while_the_main_thread_is_busy() -> None:
    with RunnerUnderTest(APP, "process") as runner:
        runner.run((1, "reports_in_process", {"steps": 100}))
        assert runner.line() == "reported"
        seen: list[Any] = []
        while not seen or seen[-1][1] != 100:
            seen += runner.next("Progress")
        runner.stop(1, "cancel")
        assert runner.end(1) == ("Stopped", "cancel")
