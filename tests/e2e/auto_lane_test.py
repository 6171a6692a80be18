"""Tasks with `lane="auto"` go to the lane where they belong, and say so."""

from __future__ import annotations

import json
import threading
from typing import IO, Any

import pytest
from stories import Story, wait_until

CONCURRENCY = ("--concurrency-process", "2", "--concurrency-thread", "16")

APP = """
import threading, time, warnings
from laneway import Laneway
app = Laneway(name="lab")

SEEN = {}

@app.task(lane="auto")
def waits(n: int) -> str:
    time.sleep(0.25)
    return "thread" if threading.active_count() > 1 else "process"

@app.task(lane="auto")
def computes(n: int) -> int:
    total = 0
    for i in range(1_000_000):
        total += i * i % 7
    return total

@app.task(lane="auto")
def remembers(n: int) -> int:
    SEEN[n] = True
    time.sleep(0.1)
    return len(SEEN)

@app.task(lane="auto", thread_safe=False)
def is_declared(n: int) -> None:
    time.sleep(0.1)

@app.task(lane="auto")
def uses_a_library(n: int) -> None:
    with warnings.catch_warnings():
        time.sleep(0.1)
"""


@pytest.fixture
def lab_source() -> str:
    return APP


class Events:
    """The events of a worker, read as they come, so that it never waits for its reader."""

    def __init__(self, lab: Story) -> None:
        self._events: list[dict[str, Any]] = []
        process = lab.worker("--events", "attempts", *CONCURRENCY)
        assert process.stdout is not None
        self._thread = threading.Thread(target=self._read, args=[process.stdout], daemon=True)
        self._thread.start()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            if line.startswith("{"):
                self._events.append(json.loads(line))

    def moves(self, task: str) -> list[dict[str, Any]]:
        """What happened to the lane of a task."""
        moves = [event for event in self._events if event["event"] == "lane_moved"]
        return [move for move in moves if move["task"] == f"lab.{task}"]

    def lanes(self, task: str) -> list[str]:
        """Where the attempts of a task ended."""
        ends = [event for event in self._events if event.get("ending") == "succeeded"]
        return [end["lane"] for end in ends if end["task"] == f"lab.{task}"]


def advice(lab: Story, task: str) -> dict[str, Any]:
    """The advice on one task."""
    [found] = lab.json("advise", f"lab.{task}")
    return found


@pytest.mark.timeout(150)
def test_a_task_that_waits_moves_to_threads_and_advise_tells_it(lab: Story) -> None:
    events = Events(lab)
    lab.delay_times(240, "waits(7)")
    wait_until(lambda: len(events.lanes("waits")) == 240, 90, "every job to end")
    started, moved, kept = events.moves("waits")
    assert (started["kind"], moved["kind"], kept["kind"]) == ("canary_started", "moved", "kept")
    assert (moved["from"], moved["to"]) == ("process", "thread")
    assert moved["runs"] <= 100
    lanes = events.lanes("waits")
    assert set(lanes[:20]) == {"process"}
    assert lanes[-40:].count("thread") >= 30
    wait_until(lambda: len(advice(lab, "waits")["moves"]) == 3, 10, "the moves to be in the store")
    found = advice(lab, "waits")
    assert found["lane"] == "thread"
    assert [move["kind"] for move in found["moves"]] == ["canary_started", "moved", "kept"]
    text = lab.run("advise", "lab.waits").stdout
    assert "moved from the process lane to the thread lane after" in " ".join(text.split())


@pytest.mark.timeout(150)
def test_a_task_that_computes_stays_in_its_process(lab: Story) -> None:
    events = Events(lab)
    lab.delay_times(60, "computes(7)")
    wait_until(lambda: len(events.lanes("computes")) == 60, 90, "every job to end")
    assert set(events.lanes("computes")) == {"process"}
    assert events.moves("computes") == []


@pytest.mark.timeout(150)
def test_a_task_that_keeps_something_outside_of_itself_is_not_moved(lab: Story) -> None:
    events = Events(lab)
    lab.delay_times(60, "remembers(7)")
    wait_until(lambda: len(events.lanes("remembers")) == 60, 60, "every job to end")
    assert set(events.lanes("remembers")) == {"process"}
    assert events.moves("remembers") == []
    assert advice(lab, "remembers")["auto"] == {
        "is_movable": False,
        "why": "it may change the global `SEEN`",
    }


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("is_declared", "it is declared with `thread_safe=False`"),
        ("uses_a_library", "it uses `warnings.catch_warnings`, which is not thread-safe"),
    ],
)
def test_what_is_not_thread_safe_is_not_moved_to_threads(lab: Story, task: str, why: str) -> None:
    events = Events(lab)
    lab.delay_times(60, f"{task}(7)")
    wait_until(lambda: len(events.lanes(task)) == 60, 60, "every job to end")
    assert set(events.lanes(task)) == {"process"}
    assert events.moves(task) == []

    def runs() -> int:
        return int(advice(lab, task)["sufficiency"]["runs"])

    wait_until(lambda: runs() == 60, 10, "the measurements to be in the store")
    found = advice(lab, task)
    assert found["auto"] == {"is_movable": False, "why": why}
    assert found["better_lane"] is None
