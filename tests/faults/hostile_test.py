"""Tasks that hog, leak, crash or refuse to stop: whom do they harm?

The bounds are those of `docs/concepts/delivery.md`: jobs that the blocked loop has not taken start
on a relief runner within two seconds; no lease is lost; nothing else fails.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from operations import HERE, laneway_command

from laneway import Job, JobFailed, JobParked

pytestmark = pytest.mark.timeout(120)
RELIEF_S = 2.0
NEIGHBOUR_S = 0.05
SLACK_S = 1.5
LEASE = ("--lease", "2s", "--sweep-every", "500ms")


class Worker:
    """A worker whose events are kept, and a client of the same store."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.store = f"sqlite:///{folder}/hostile.db"
        self.events_path = folder / "events"
        os.environ["LANEWAY_STORE"] = self.store
        events = self.events_path.open("wb")
        self.process = subprocess.Popen(
            [
                *laneway_command(),
                *("--json", "worker", str(HERE / "hostile_app.py"), *LEASE, *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=events,
            start_new_session=True,
        )
        events.close()
        deadline = time.monotonic() + 15
        while not any(event["event"] == "ready" for event in self.events()):
            assert time.monotonic() < deadline, "the worker is not ready"
            assert self.process.poll() is None
            time.sleep(0.02)

    def events(self) -> list[dict[str, object]]:
        """What the worker has said so far."""
        lines = self.events_path.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith(b"{")]

    def has_lost_a_session(self) -> bool:
        """Whether a lease was ever lost."""
        return any(event["event"] == "session_lost" for event in self.events())

    def end(self) -> int:
        """Drains the worker; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@pytest.fixture
def worker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Worker]:
    arguments = getattr(request, "param", ())
    running = Worker(tmp_path, *arguments)
    try:
        yield running
    finally:
        running.end()
        import hostile_app

        hostile_app.app.close()


def wait_running(job: Job[Any]) -> None:
    """Waits until a worker holds a job."""
    deadline = time.monotonic() + 10
    while job.blocking.status() != "running":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def slowest_neighbour(seconds: float) -> float:
    """Sends a waiting job every 50 ms for a while; gives the longest time that one took."""
    import hostile_app

    sent: list[tuple[float, Job[int]]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sent.append((time.monotonic(), hostile_app.neighbour.delay(len(sent))))
        time.sleep(0.05)
    slowest = 0.0
    for number, (at, job) in enumerate(sent):
        assert job.wait(timeout=30) == number
        record = job.blocking.details()
        assert record["failures"] == record["interrupts"] == 0
        slowest = max(slowest, moment(record["finished_at"]) - moment(record["enqueued_at"]))
        assert at <= time.monotonic()
    return slowest


def moment(text: object) -> float:
    """An RFC 3339 instant in epoch seconds."""
    from datetime import datetime

    head, _, fraction = str(text).rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}+00:00").timestamp() + float(f"0.{fraction or 0}")


def test_a_hog_of_the_loop_delays_only_what_the_loop_has_taken(worker: Worker) -> None:
    import hostile_app

    hog = hostile_app.hogs_in_async.delay(8)
    wait_running(hog)
    assert slowest_neighbour(5) <= RELIEF_S + NEIGHBOUR_S + SLACK_S
    assert hog.wait(timeout=30) == "done"
    assert hog.blocking.details()["token"] == 1
    assert not worker.has_lost_a_session()


def test_a_hog_in_the_process_lane_delays_nobody(worker: Worker) -> None:
    import hostile_app

    hog = hostile_app.hogs_in_process.delay(6)
    wait_running(hog)
    assert slowest_neighbour(3) <= NEIGHBOUR_S + SLACK_S
    assert hostile_app.computing_neighbour.delay(10).wait(timeout=10) == 45
    assert hog.wait(timeout=30) == "done"
    assert not worker.has_lost_a_session()


@pytest.mark.parametrize("worker", [("--memory-max", "200MiB")], indirect=True)
def test_a_leak_is_ended_by_the_memory_bound(worker: Worker) -> None:
    import hostile_app

    leak = hostile_app.leaks.delay()
    assert slowest_neighbour(2) <= NEIGHBOUR_S + SLACK_S
    with pytest.raises(JobFailed) as caught:
        leak.wait(timeout=60)
    assert "LW2006" in str(caught.value)
    assert "more than 200 MiB" in str(caught.value)
    assert not worker.has_lost_a_session()


@pytest.mark.parametrize("task", ["segfaults", "segfaults_in_async"])
def test_a_crash_counts_as_poison_after_so_many_runs(worker: Worker, task: str) -> None:
    import hostile_app

    crash = getattr(hostile_app, task).delay()
    with pytest.raises(JobFailed) as caught:
        crash.wait(timeout=60)
    assert "LW2006" in str(caught.value)
    assert crash.blocking.details()["interrupts"] == 2
    assert hostile_app.neighbour.delay(7).wait(timeout=15) == 7
    assert not worker.has_lost_a_session()


def test_a_crash_of_a_task_that_must_not_repeat_is_parked(worker: Worker) -> None:
    import hostile_app

    payment = hostile_app.pays.delay()
    with pytest.raises(JobParked) as caught:
        payment.wait(timeout=30)
    assert "LW2008" in str(caught.value)
    assert payment.blocking.details()["token"] == 1


def test_a_task_that_swallows_cancellation_harms_nobody(worker: Worker) -> None:
    import hostile_app

    stubborn = hostile_app.swallows_cancellation.delay()
    assert slowest_neighbour(3) <= NEIGHBOUR_S + SLACK_S
    with pytest.raises(JobFailed) as caught:
        stubborn.wait(timeout=30)
    assert "LW2004" in str(caught.value)
    assert not worker.has_lost_a_session()


def test_a_worker_that_was_paused_past_its_lease_is_fenced(worker: Worker, tmp_path: Path) -> None:
    """Another worker takes over; what the first one reports afterwards changes nothing."""
    import hostile_app

    slow = hostile_app.hogs_in_process.delay(4)
    wait_running(slow)
    os.killpg(worker.process.pid, signal.SIGSTOP)
    second_folder = tmp_path / "second"
    second_folder.mkdir()
    try:
        second = Worker.__new__(Worker)
        second.events_path = second_folder / "events"
        with second.events_path.open("wb") as events:
            second.process = subprocess.Popen(
                [*laneway_command(), "--json", "worker", str(HERE / "hostile_app.py"), *LEASE],
                stdin=subprocess.DEVNULL,
                stdout=events,
                start_new_session=True,
            )
        deadline = time.monotonic() + 15
        while slow.blocking.details()["token"] != 2:
            assert time.monotonic() < deadline, "the job is not taken over"
            time.sleep(0.05)
    finally:
        os.killpg(worker.process.pid, signal.SIGCONT)
    assert slow.wait(timeout=30) == "done"
    first_end = slow.blocking.details()["finished_at"]
    # The first worker notices at its next beat; by then its own attempt was refused or stopped.
    deadline = time.monotonic() + 10
    while not worker.has_lost_a_session():
        assert time.monotonic() < deadline, "the first worker never noticed"
        time.sleep(0.05)
    assert second.end() == 0
    record = slow.blocking.details()
    assert (record["token"], record["finished_at"]) == (2, first_end)
