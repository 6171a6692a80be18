"""`laneway.map` in every lane: results, errors, retries, time limits, pace, and odd items."""

from __future__ import annotations

import asyncio
import functools
import itertools
import multiprocessing
import os
import pickle  # noqa: TID251 - what users do with a result
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

import laneway
from laneway import Backoff, Fail, ItemError, MapResult, Retry
from laneway.errors import ItemTimedOut, MapError, SettingError

if TYPE_CHECKING:
    from laneway._map._settings import MapLane

LANES = ("inline", "thread", "process")
BlockingLane = Literal["inline", "thread", "process"]

lanes = pytest.mark.parametrize("lane", LANES)
linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")


def double(n: int) -> int:
    return 2 * n


async def double_async(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


def odd_only(n: int) -> int:
    if n % 2 == 0:
        raise ValueError(n)
    return n


def compute(seconds: float) -> int:
    """Uses so much CPU, not wall, time, so that a busy host changes nothing."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return os.getpid()


def codes(result: MapResult[Any]) -> list[tuple[int, str]]:
    """Places and codes of the items that failed."""
    return [(error.index, getattr(error.exception, "code", "")) for error in result.errors]


@lanes
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_results_stand_in_the_order_of_the_items(lane: BlockingLane, count: int) -> None:
    result = laneway.map(double, range(count), lane=lane)
    assert result == [2 * n for n in range(count)]
    assert (result.lane, result.ok, result.pending) == (lane, True, [])
    assert result.wall > 0


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_the_async_lane_keeps_the_order_too(count: int) -> None:
    result = laneway.map(double_async, range(count), concurrency=7)
    assert result == [2 * n for n in range(count)]
    assert result.lane == "async"


@lanes
def test_the_first_exception_ends_the_run_and_tells_its_item(lane: BlockingLane) -> None:
    with pytest.raises(ValueError, match="2") as caught:
        laneway.map(odd_only, [1, 2, 3], lane=lane)
    if sys.version_info >= (3, 11):
        assert caught.value.__notes__ == ["laneway.map: raised by item 1: 2"]
    if lane == "process":
        assert "in odd_only" in str(caught.value.__cause__)


@lanes
def test_errors_can_be_collected(lane: BlockingLane) -> None:
    result = laneway.map(odd_only, range(4), lane=lane, errors="collect")
    assert result == [None, 1, None, 3]
    assert not result.ok
    assert [(place, item) for place, item, _ in result.errors] == [(0, 0), (2, 2)]
    assert isinstance(result.errors[0], ItemError)
    assert isinstance(result.errors[0].exception, ValueError)


@pytest.mark.parametrize("lane", [None, "inline", "thread", "process"])
def test_the_end_of_an_items_own_iterator_is_its_error(
    lane: BlockingLane | None, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"

    def first_even(numbers: list[int]) -> int:
        with calls.open("a") as file:
            file.write("x")
        return next(n for n in numbers if n % 2 == 0)

    items = [[1, 2], [1, 3], [4], [5]]
    result = laneway.map(first_even, items, lane=lane, errors="collect")
    assert result == [2, None, 4, None]
    assert [(error.index, type(error.exception)) for error in result.errors] == [
        (1, StopIteration),
        (3, StopIteration),
    ]
    assert len(calls.read_text()) == 4


def test_collecting_many_errors_of_trivial_items_keeps_every_place() -> None:
    result = laneway.map(odd_only, range(20_001), errors="collect")
    assert result[:4] == [None, 1, None, 3]
    assert len(result) == 20_001
    assert [error.index for error in result.errors] == list(range(0, 20_001, 2))


def test_unordered_results_come_as_they_complete() -> None:
    gates = [threading.Event() for _ in range(3)]
    gates[2].set()

    def chain(n: int) -> int:
        gates[n].wait(10)
        gates[n - 1].set()
        return n

    result = laneway.map(chain, range(3), lane="thread", concurrency=3, ordered=False)
    assert result == [2, 1, 0]


@lanes
def test_an_item_is_tried_as_often_as_retry_says(lane: BlockingLane, tmp_path: Path) -> None:
    def flaky(n: int) -> int:
        attempts = tmp_path / str(n)
        with attempts.open("a") as file:
            file.write("x")
        if attempts.stat().st_size <= n:
            raise OSError(n)
        return n

    result = laneway.map(flaky, range(4), lane=lane, retry=Backoff(4, first=0.001))
    assert result == [0, 1, 2, 3]
    again = laneway.map(flaky, [9], lane=lane, retry=Backoff(3, first=0.001), errors="collect")
    assert isinstance(again.errors[0].exception, OSError)
    assert (tmp_path / "9").stat().st_size == 3


def test_an_item_can_say_when_it_wants_to_be_tried_again_or_never() -> None:
    attempts: list[int] = []

    def choosy(n: int) -> int:
        attempts.append(n)
        if n == 0 and attempts.count(0) == 1:
            raise Retry(after=0.0)
        if n == 1:
            raise Fail("for good")
        return n

    result = laneway.map(choosy, range(3), lane="inline", retry=9, errors="collect")
    assert result == [0, None, 2]
    assert sorted(attempts) == [0, 0, 1, 2]


@pytest.mark.parametrize("lane", ["inline", "thread", "process", "async"])
@pytest.mark.parametrize("words", ["the API asks for patience", ""])
def test_a_wish_for_another_attempt_that_cannot_be_granted_is_told_in_its_words(
    lane: MapLane, words: str
) -> None:
    def wish(_n: int) -> None:
        raise Retry(words, after=0.0)

    async def wish_async(_n: int) -> None:
        wish(0)

    fn: Any = wish_async if lane == "async" else wish
    with pytest.raises(MapError) as caught:
        laneway.map(fn, [7], lane=lane, retry=2)
    error = caught.value
    assert error.code == "LW3024"
    assert "item 0" in error.what
    assert (words or "did not say why") in error.why
    assert "attempt 2 of 2" in error.why
    assert isinstance(error.__cause__, Retry)
    collected = laneway.map(fn, [7, 8], lane=lane, errors="collect")
    assert codes(collected) == [(0, "LW3024"), (1, "LW3024")]


def test_swapped_arguments_are_named() -> None:
    swapped: Any = laneway.map
    awaited: Any = laneway.amap
    for call in (lambda: swapped([1, 2], str), lambda: asyncio.run(awaited([1], str))):
        with pytest.raises(SettingError, match=r"LW1021.*`list`") as caught:
            call()
        assert "swapped" in caught.value.why
    with pytest.raises(SettingError, match=r"LW1021.*`int`"):
        swapped(str, 5)
    with pytest.raises(SettingError, match=r"LW1021.*`NoneType`"):
        swapped(None, [1])


async def test_async_items_are_tried_again() -> None:
    attempts: list[int] = []

    async def flaky(n: int) -> int:
        attempts.append(n)
        if attempts.count(n) <= n:
            raise OSError(n)
        return n

    result = await laneway.amap(flaky, range(4), retry=Backoff(4, first=0.001))
    assert result == [0, 1, 2, 3]
    assert len(attempts) == 1 + 2 + 3 + 4


def test_a_thread_that_takes_too_long_is_left_and_replaced() -> None:
    gate = threading.Event()

    def stuck(n: int) -> int:
        if n < 2:
            gate.wait(10)
        return n

    began = time.monotonic()
    result = laneway.map(
        stuck, range(6), lane="thread", concurrency=2, timeout=0.05, errors="collect"
    )
    gate.set()
    assert time.monotonic() - began < 5
    assert result == [None, None, 2, 3, 4, 5]
    assert all(isinstance(error.exception, ItemTimedOut) for error in result.errors)
    for thread in threading.enumerate():
        if thread.name == "laneway-map":
            thread.join(5)


@linux
def test_a_process_that_takes_too_long_is_killed_and_replaced(tmp_path: Path) -> None:
    def stuck(n: int) -> int:
        if n < 2:
            (tmp_path / str(n)).write_text(str(os.getpid()))
            while True:
                pass
        return n

    result = laneway.map(
        stuck, range(6), lane="process", concurrency=2, timeout=0.3, errors="collect"
    )
    assert result == [None, None, 2, 3, 4, 5]
    assert codes(result) == [(0, "LW3022"), (1, "LW3022")]
    for n in range(2):
        assert not Path("/proc", (tmp_path / str(n)).read_text()).exists()


def test_a_time_limit_holds_without_a_lane_from_the_first_item_on() -> None:
    gate = threading.Event()

    def stuck(n: int) -> int:
        if n == 0:
            gate.wait(10)
        return n

    result = laneway.map(stuck, range(4), timeout=0.05, errors="collect")
    gate.set()
    assert result == [None, 1, 2, 3]
    assert result.lane == "thread"
    for thread in threading.enumerate():
        if thread.name == "laneway-map":
            thread.join(5)


def test_a_coroutine_that_takes_too_long_is_cancelled() -> None:
    cancelled: list[int] = []

    async def stuck(n: int) -> int:
        try:
            await asyncio.sleep(10 if n == 1 else 0)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    result = laneway.map(stuck, range(3), timeout=0.05, errors="collect")
    assert result == [0, None, 2]
    assert isinstance(result.errors[0].exception, TimeoutError)
    assert cancelled == [1]


@linux
def test_a_process_that_dies_costs_its_own_item_only() -> None:
    def die(n: int) -> int:
        if n == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    result = laneway.map(die, range(40), lane="process", concurrency=2, errors="collect")
    assert [n for n in result if n is not None] == [n for n in range(40) if n != 3]
    [(place, item, error)] = result.errors
    assert (place, item) == (3, 3)
    assert isinstance(error, MapError)
    assert error.code == "LW3023"
    assert "SIGKILL" in error.why


def test_what_cannot_travel_is_the_error_of_its_item() -> None:
    def lock(n: int) -> object:
        return threading.Lock() if n == 1 else n

    results = laneway.map(lock, range(3), lane="process", errors="collect")
    assert results == [0, None, 2]
    assert codes(results) == [(1, "LW3021")]
    items: list[Any] = [1, threading.Lock(), 3]
    arguments = laneway.map(repr, items, lane="process", errors="collect")
    assert arguments[0::2] == ["1", "3"]
    assert codes(arguments) == [(1, "LW3021")]


class DemandingError(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def test_an_exception_that_cannot_travel_is_told_in_words() -> None:
    def fail(n: int) -> None:
        raise DemandingError(n, n)

    result = laneway.map(fail, [7], lane="process", errors="collect")
    error = result.errors[0].exception
    assert isinstance(error, MapError)
    assert "`DemandingError: 7 and 7`" in error.what


@linux
def test_no_process_is_left_behind() -> None:
    pids = set(laneway.map(compute, [0.001] * 20, lane="process", concurrency=3))
    assert os.getpid() not in pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_map_inside_a_process_lane_keeps_to_its_process() -> None:
    def inner(n: int) -> tuple[str, int]:
        result = laneway.map(compute, [0.02] * 6, progress=False)
        return result.lane, len(set(result))

    assert laneway.map(inner, [0, 1], lane="process") == [("inline", 1)] * 2


def test_processes_may_start_processes() -> None:
    def inner(n: int) -> list[int]:
        with multiprocessing.get_context("fork").Pool(1) as pool:
            return pool.map(double, [n])

    assert laneway.map(inner, [1, 2], lane="process") == [[2], [4]]


def test_an_endless_iterator_is_read_no_further_than_there_are_places() -> None:
    taken = itertools.count()
    seen: list[int] = []

    def stop(n: int) -> int:
        seen.append(n)
        if n == 20:
            raise KeyError(n)
        return n

    with pytest.raises(KeyError):
        laneway.map(stop, taken, lane="thread", concurrency=4)
    assert next(taken) <= 20 + 2 * 4


def test_an_iterator_that_fails_ends_the_run() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    for lane in (None, *LANES):
        with pytest.raises(OSError, match="no more"):
            laneway.map(double, items(), lane=lane)
    with pytest.raises(OSError, match="no more"):
        laneway.map(double_async, items())


async def test_amap_takes_async_iterables_and_bounds_concurrency() -> None:
    running = most = 0

    async def items() -> AsyncIterator[int]:
        for n in range(50):
            await asyncio.sleep(0)
            yield n

    async def work(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return n

    assert await laneway.amap(work, items(), concurrency=5) == list(range(50))
    assert most == 5


async def test_a_cancelled_amap_cancels_its_items() -> None:
    began, ended = asyncio.Event(), list[int]()

    async def work(n: int) -> None:
        if n == 2:
            began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(n)

    task = asyncio.create_task(laneway.amap(work, range(10), concurrency=3))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [0, 1, 2]


async def test_amap_of_trivial_items_gives_the_loop_its_turn() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def nothing(n: int) -> None:
        pass

    counting = asyncio.create_task(count())
    await laneway.amap(nothing, range(200_000))
    counting.cancel()
    assert turns > 3


async def test_map_of_async_code_works_where_a_loop_already_runs() -> None:
    assert laneway.map(double_async, range(5)) == [0, 2, 4, 6, 8]


def test_a_lambda_that_gives_a_coroutine_runs_on_a_loop() -> None:
    result = laneway.map(lambda n: double_async(n), range(5))  # noqa: PLW0108 - the case itself
    assert result == [0, 2, 4, 6, 8]
    assert result.lane == "async"


def test_the_lane_that_is_announced_is_the_one_that_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def wait(n: int) -> int:
        time.sleep(0.04)
        return n

    result = laneway.map(wait, range(12), rate="40/s")
    [line] = capsys.readouterr().err.splitlines()
    assert result.reason in line
    assert f" {result.lane}" in line


def test_waiting_items_are_moved_to_threads_while_the_first_one_waits() -> None:
    together = threading.Barrier(8)

    def meet(n: int) -> int:
        together.wait(10)
        return n

    result = laneway.map(meet, range(8))
    assert result == list(range(8))
    assert result.lane == "thread"
    assert "waits" in result.reason


@linux
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has nothing to share")
def test_computing_items_are_moved_to_processes_and_say_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = laneway.map(compute, [0.05] * 12)
    assert result.lane == "process"
    assert len(set(result) - {os.getpid()}) >= 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("laneway.map: ")
    assert result.reason in line


@linux
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has nothing to share")
def test_heavy_items_after_many_trivial_ones_are_still_moved() -> None:
    result = laneway.map(compute, [0.0] * 5_000 + [0.05] * 16, progress=False)
    assert result.lane == "process"
    assert len(set(result[5_000:])) >= 3
    here = sum(1 for pid in result[5_000:] if pid == os.getpid())
    assert here <= 4


def test_trivial_items_stay_inline(capsys: pytest.CaptureFixture[str]) -> None:
    result = laneway.map(double, range(100_000))
    assert result == [2 * n for n in range(100_000)]
    assert result.lane == "inline"
    assert "no lane needed" in capsys.readouterr().err
    laneway.map(double, range(10), progress=False)
    assert capsys.readouterr().err == ""


def test_a_result_survives_pickling_with_its_story() -> None:
    result = laneway.map(odd_only, range(3), errors="collect", lane="inline")
    twin = pickle.loads(pickle.dumps(result))
    assert (twin, twin.lane, len(twin.errors)) == (result, "inline", 2)


@pytest.mark.parametrize(
    "options",
    [
        {"lane": "rocket"},
        {"concurrency": 0},
        {"concurrency": True},
        {"rate": "fast"},
        {"retry": 0},
        {"timeout": 0},
        {"timeout": "soon"},
        {"errors": "ignore"},
        {"ordered": 2},
        {"lane": "async"},
        {"lane": "inline", "timeout": 1},
        {"retries": 3},
    ],
)
def test_an_impossible_option_is_refused_before_anything_runs(options: dict[str, Any]) -> None:
    ran: list[int] = []
    with pytest.raises(SettingError) as caught:
        laneway.map(ran.append, [1], **options)
    assert caught.value.code == "LW1021"
    assert caught.value.why
    assert ran == []


def test_an_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(SettingError, match="did you mean `retry`"):
        laneway.map(double, [1], retri=3)  # pyright: ignore[reportCallIssue]


async def test_amap_refuses_what_would_block_its_loop() -> None:
    with pytest.raises(SettingError, match="to_thread"):
        await laneway.amap(double, [1])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("options", [{}, {"timeout": 5}, {"errors": "collect"}])
async def test_amap_tells_a_plain_function_by_what_it_gives(options: dict[str, Any]) -> None:
    # It does not say what it returns, so that only a call can tell.
    def plain(n: int) -> Any:  # noqa: ANN401 - see above
        return n

    with pytest.raises(SettingError, match="to_thread") as caught:
        await laneway.amap(plain, [1, 2, 3], **options)
    assert caught.value.code == "LW1021"


def test_an_impossible_retry_is_called_by_its_name() -> None:
    for value in ("x", True, 0, 1.5):
        options: dict[str, Any] = {"retry": value}
        with pytest.raises(SettingError) as caught:
            laneway.map(double, [1], **options)
        assert caught.value.what == f"`retry={value!r}` is not possible"


def test_an_object_with_an_async_call_and_a_partial_of_one_are_async() -> None:
    class Fetch:
        async def __call__(self, n: int, factor: int = 1) -> int:
            return n * factor

    assert laneway.map(Fetch(), [1, 2]).lane == "async"
    assert laneway.map(functools.partial(Fetch(), factor=3), [1, 2]) == [3, 6]


def test_a_length_that_nobody_knows_is_no_length() -> None:
    class Bar:
        def __iter__(self) -> Iterator[int]:
            return iter([1, 2])

        def __len__(self) -> int:
            raise TypeError("a generator has no length")

    assert laneway.map(double, Bar()) == [2, 4]
