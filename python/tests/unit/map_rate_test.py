"""`laneway.map` with a rate: the pace of the starts, and no wait for one that is not needed."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Literal

import pytest

import laneway
from laneway import Rate
from laneway._map._pace import EvenPace
from laneway._map._settings import Settings
from laneway._map._work import Work

LANES = ("inline", "thread", "process")
BlockingLane = Literal["inline", "thread", "process"]

any_lane = pytest.mark.parametrize("lane", [*LANES, None])


def double(n: int) -> int:
    return 2 * n


async def double_async(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


@any_lane
def test_a_rate_paces_the_starts(lane: BlockingLane | None) -> None:
    began = time.monotonic()
    laneway.map(double, range(6), lane=lane, rate=Rate("50/s", burst=1))
    assert 0.1 <= time.monotonic() - began < 5


@any_lane
def test_a_rate_in_words_is_an_even_pace_from_the_first_start_on(lane: BlockingLane | None) -> None:
    began = time.monotonic()
    laneway.map(double, range(6), lane=lane, rate="50/s")
    assert time.monotonic() - began >= 5 / 50
    began = time.monotonic()
    laneway.map(double_async, range(6), rate="50/s")
    assert time.monotonic() - began >= 5 / 50


def permits(rate: str, count: int) -> list[float]:
    """When so many starts are permitted, if whoever waits is woken by timers of milliseconds."""
    pace = Work(double, (), Settings({"rate": rate}, "raise")).pace
    assert pace is not None
    now, starts = 100.0, list[float]()
    while len(starts) < count:
        wait = pace.take(now)
        if wait > 0:
            now = math.ceil((now + wait) * 1_000) / 1_000 + 0.000_3
        else:
            starts.append(now)
    return starts


@pytest.mark.parametrize("rate", ["7/s", "25/s", "150/s", "199/s", "900/s", "1000/s", "9000/60s"])
def test_a_rate_in_words_is_reached_though_timers_are_late_and_never_exceeded(rate: str) -> None:
    count, per = Rate(rate).count, Rate(rate).per
    starts = permits(rate, int(10 * count / per) + 1)
    assert 10 - 1e-9 <= starts[-1] - starts[0] < 10.2
    for first, after in zip(starts, starts[count:], strict=False):
        assert after - first >= per - 1e-9, "no time of that length has more"


@pytest.mark.parametrize("count", [25, 150, 1000])
def test_what_was_missed_is_not_made_up_for_beyond_a_few_starts(count: int) -> None:
    pace = EvenPace(count, 1.0)
    assert pace.take(100.0) == 0
    # Nothing was ready for a minute.
    at_once = 0
    while pace.take(160.0) == 0:
        at_once += 1
    assert 1 <= at_once <= 1 + 0.01 * count


def test_starts_at_a_rate_in_words_are_even() -> None:
    starts = permits("25/s", 50)
    late = 0.001_4  # of the timers
    for first, second in itertools.pairwise(starts):
        assert abs(second - first - 0.04) <= late


@pytest.mark.parametrize("rate", ["150/s", "1000/s"])
@pytest.mark.parametrize("fn", [double, double_async])
def test_a_rate_in_words_is_reached(fn: Callable[[int], Any], rate: str) -> None:
    count = Rate(rate).count // 2
    lane: Literal["thread"] | None = "thread" if fn is double else None

    def took() -> float:
        began = time.monotonic()
        assert len(laneway.map(fn, range(count + 1), rate=rate, lane=lane)) == count + 1
        return time.monotonic() - began

    # The host may have something else to do meanwhile, but not each time. Without what is made up
    # for, timers of milliseconds alone cost a fifth.
    assert any(0.5 - 1e-3 <= took() < 0.5 * 1.1 for _ in range(20))


def hastily() -> Iterator[float]:
    """Items of which each second one is long in coming."""
    for number in range(6):
        if number % 2:
            time.sleep(0.25)
        yield float(number)


def begins(_: float) -> float:
    return time.monotonic()


@any_lane
def test_an_item_that_is_long_in_coming_gives_the_next_one_no_earlier_start(
    lane: BlockingLane | None,
) -> None:
    def least() -> float:
        starts = sorted(laneway.map(begins, hastily(), lane=lane, rate="10/s"))
        return min(second - first for first, second in itertools.pairwise(starts))

    # What passes between a permit and the first line of an item is not the same each time.
    assert any(least() >= 0.08 for _ in range(10))


async def test_who_waits_for_an_item_keeps_no_other_attempt_from_its_start() -> None:
    asked, failed = asyncio.Event(), list[int]()

    async def items() -> AsyncIterator[int]:
        yield 0
        # The next item comes when the first one was tried again.
        await asyncio.wait_for(asked.wait(), 20)
        yield 1

    async def fail_once(n: int) -> int:
        if n == 0 and not failed:
            failed.append(n)
            raise LookupError
        asked.set()
        return n

    retry = laneway.Backoff(2, first=0.01)
    assert await laneway.amap(fail_once, items(), rate="100/s", retry=retry) == [0, 1]


async def test_after_a_failure_nothing_starts_that_waits_for_its_permit() -> None:
    began: list[int] = []
    is_second_given = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        # Until a second task waits for an item, too.
        for _ in range(20):
            await asyncio.sleep(0)
        yield 0
        is_second_given.set()
        yield 1

    async def fail(n: int) -> None:
        began.append(n)
        await is_second_given.wait()
        # The permit of the second item is due in the same turn of the loop.
        asyncio.get_running_loop().call_soon(time.sleep, 1.1)
        await asyncio.sleep(0.001)
        raise LookupError

    with pytest.raises(LookupError):
        await laneway.amap(fail, items(), rate="1/s", concurrency=2)
    assert began == [0]


@any_lane
def test_no_run_waits_for_a_start_that_nothing_is_left_for(lane: BlockingLane | None) -> None:
    # The next start after the burst would come three minutes later.
    rate = Rate("20/h", burst=20)
    assert laneway.map(double, range(20), lane=lane, rate=rate) == [2 * n for n in range(20)]
    assert laneway.map(double_async, range(20), rate=rate) == [2 * n for n in range(20)]
    assert laneway.map(double, [1], lane=lane, rate="1/h") == [2]
    assert laneway.map(double_async, {1}, rate="1/h") == [2]


def test_a_lambda_that_gives_coroutines_starts_its_first_one_at_once() -> None:
    began = time.monotonic()
    result = laneway.map(lambda n: double_async(n), [1], rate="1/10s")  # noqa: PLW0108 - the case
    assert result == [2]
    assert time.monotonic() - began < 9


def test_a_list_that_grows_while_it_is_run_is_run_to_its_end() -> None:
    items = [5]

    def found(n: int) -> int:
        if n:
            items.append(n - 1)
        return n

    assert laneway.map(found, items, lane="inline", rate="1000/s") == [5, 4, 3, 2, 1, 0]


def test_a_rate_paces_async_starts() -> None:
    starts: list[float] = []

    async def note(n: int) -> None:
        starts.append(time.monotonic())

    laneway.map(note, range(6), rate=Rate("50/s", burst=2))
    assert starts[5] - starts[0] >= 4 * 0.02 - 0.005
