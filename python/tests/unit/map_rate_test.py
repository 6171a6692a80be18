"""`laneway.map` with a rate: the pace of the starts, and no wait for one that is not needed."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

import pytest

import laneway
from laneway import Rate

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


@any_lane
def test_no_run_waits_for_a_start_that_nothing_is_left_for(lane: BlockingLane | None) -> None:
    # The next start after the burst would come three minutes later.
    rate = Rate("20/h", burst=20)
    assert laneway.map(double, range(20), lane=lane, rate=rate) == [2 * n for n in range(20)]
    assert laneway.map(double_async, range(20), rate=rate) == [2 * n for n in range(20)]
    assert laneway.map(double, [1], lane=lane, rate="1/h") == [2]
    assert laneway.map(double_async, {1}, rate="1/h") == [2]


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
