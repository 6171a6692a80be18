"""When `laneway.map` may copy its process, and what it does where it may not."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

import laneway
from laneway._map._decision import Decision, Evidence
from laneway.errors import MapError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")


def double(n: int) -> int:
    return 2 * n


def compute(seconds: float) -> int:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    return os.getpid()


def test_beside_other_threads_processes_are_started_afresh() -> None:
    gate = threading.Event()
    other = threading.Thread(target=gate.wait)
    other.start()
    try:
        assert laneway.map(os.path.basename, ["a/b", "c/d"], lane="process") == ["b", "d"]
        with pytest.raises(MapError) as caught:
            laneway.map(lambda n: n, [1], lane="process")
    finally:
        gate.set()
        other.join()
    assert caught.value.code == "LW3020"
    assert f"the thread `{other.name}` runs beside it" in caught.value.why


def test_threads_that_are_ending_do_not_keep_a_map_from_copying_its_process() -> None:
    def broken() -> Iterator[int]:
        yield from range(5)
        raise OSError("the iterator broke")

    for _ in range(10):
        with pytest.raises(OSError, match="broke"):
            laneway.map(double, broken(), lane="thread")
        assert laneway.map(lambda n: n + 1, range(3), lane="process") == [1, 2, 3]


def _asked_for_processes(facts: Evidence) -> Decision:
    """What is decided where cores are free, however busy this host is."""
    if facts.process_hindrance:
        return Decision("inline", 1, f"it computes, but {facts.process_hindrance}")
    return Decision("process", 2, "an item computes")


def test_a_measured_map_beside_a_thread_that_was_left_runs_where_it_can(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def stuck(n: int) -> int:
        if n == 3:
            gate.wait(20)
        return n

    def local(seconds: float) -> int:
        return compute(seconds)

    try:
        laneway.map(stuck, range(5), timeout="100ms", errors="collect", progress=False)
        monkeypatch.setattr("laneway._map._choose.decide", _asked_for_processes)
        computing = laneway.map(local, [0.02] * 12)
        bounded = laneway.map(local, [0.02] * 12, timeout=10, progress=False)
        with pytest.raises(MapError) as caught:
            laneway.map(lambda n: n, [1], lane="process")
    finally:
        gate.set()
    assert (computing.lane, bounded.lane) == ("inline", "thread")
    assert "a thread that an earlier item was left in still runs" in computing.reason
    assert "a thread that an earlier item was left in still runs" in bounded.reason
    assert capsys.readouterr().err == f"laneway.map: inline: {computing.reason}\n"
    assert "a thread that an earlier item was left in still runs" in caught.value.why


def test_what_was_announced_is_what_runs_when_no_process_can_begin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A library's own thread wakes up just when the process shall be copied: nobody can foresee it.
    why = "a thread of a native library runs beside it"
    monkeypatch.setattr("laneway._map._processes.fork_hindrance", lambda: why)
    monkeypatch.setattr("laneway._map._choose.decide", _asked_for_processes)

    def local(seconds: float) -> int:
        return compute(seconds)

    result = laneway.map(local, [0.02] * 12)
    assert result.lane == "inline"
    assert why in result.reason
    assert capsys.readouterr().err == f"laneway.map: inline: {result.reason}\n"
