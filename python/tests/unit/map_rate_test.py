"""`laneway.map` with a rate: the pace of the starts, and no wait for one that is not needed."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator
from typing import Literal

import pytest

import laneway
from laneway import Rate
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


@pytest.mark.parametrize("count", [300, 900, 2_000, 20_000])
def test_a_high_rate_in_words_is_reached_and_kept_though_timers_are_late(count: int) -> None:
    starts = permits(f"{count}/s", 2 * count)
    assert starts[-1] - starts[0] < 2.05
    most = count + count // 100
    for first, after in zip(starts, starts[most:], strict=False):
        assert after - first >= 1 - 1e-9


def test_starts_at_a_low_rate_in_words_never_coincide() -> None:
    starts = permits("25/s", 50)
    for first, second in itertools.pairwise(starts):
        assert second - first >= 0.04 - 1e-9


async def test_items_on_a_loop_reach_a_high_rate() -> None:
    async def took() -> float:
        began = time.monotonic()
        await laneway.amap(double_async, range(400), rate="2000/s")
        return time.monotonic() - began

    # The host may have something else to do meanwhile, but not each time.
    assert min([await took() for _ in range(5)]) < 0.35


async def test_after_a_failure_nothing_starts_that_waits_for_its_permit() -> None:
    began: list[int] = []

    async def items() -> AsyncIterator[int]:
        for n in range(9):
            await asyncio.sleep(0.01)
            yield n

    async def fail(n: int) -> None:
        began.append(n)
        # The next item is taken meanwhile, and its permit is due in the same turn of the loop.
        asyncio.get_running_loop().call_later(0.02, time.sleep, 0.1)
        await asyncio.sleep(0.03)
        raise LookupError

    with pytest.raises(LookupError):
        await laneway.amap(fail, items(), rate="20/s", concurrency=2)
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
