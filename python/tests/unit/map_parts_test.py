"""The small parts of `laneway.map`: the pace, the feed and the bar."""

from __future__ import annotations

import math
import sys
import threading
import time

import pytest

from laneway._bridge import Pace, ThreadClocks
from laneway._map._clocks import read
from laneway._map._feed import Feed
from laneway._map._processes import Processes
from laneway._map._progress import Progress


def test_a_pace_allows_the_burst_and_then_one_start_an_interval() -> None:
    pace = Pace(10, 1.0, 3)
    assert pace.interval == 0.1
    starts: list[float] = []
    now = 100.0
    while len(starts) < 8:
        wait = pace.take(now)
        if wait == 0:
            starts.append(now)
        else:
            now += wait
    assert starts == pytest.approx([100.0, 100.0, 100.0, 100.1, 100.2, 100.3, 100.4, 100.5])


def test_a_pace_that_was_idle_allows_no_more_than_the_burst() -> None:
    pace = Pace(10, 1.0, 2)
    assert pace.take(1.0) == 0
    assert [pace.take(50.0) == 0 for _ in range(3)] == [True, True, False]


def test_a_feed_hands_out_new_items_and_those_that_are_due() -> None:
    feed = Feed("abc")
    first = feed.next(0.0)
    assert first is not None
    feed.again(first._replace(attempt=2), due=5.0)
    assert [ticket.item for ticket in (feed.next(1.0), feed.next(1.0)) if ticket] == ["b", "c"]
    assert feed.next(1.0) is None
    assert not feed.is_empty
    assert feed.due == 5.0
    again = feed.next(5.0)
    assert again is not None
    assert (again.place, again.item, again.attempt) == (0, "a", 2)
    assert feed.is_empty


def test_a_feed_takes_items_back_in_their_order() -> None:
    feed = Feed(range(10))
    assert feed.fresh(6) == [0, 1, 2, 3, 4, 5]
    feed.put_back([4, 5])
    feed.put_back([2, 3])
    assert (feed.left, feed.taken) == (8, 2)
    assert feed.fresh(3) == [2, 3, 4]
    assert feed.rest() == [(n, n) for n in range(5, 10)]
    assert feed.is_empty


def test_a_feed_leaves_an_endless_iterator_alone_at_the_end() -> None:
    source = iter(range(10))
    feed = Feed(source)
    assert feed.fresh(2) == [0, 1]
    feed.put_back([1])
    assert feed.rest() == [(1, 1)]
    assert next(source) == 2


def test_the_bar_tells_how_far_how_fast_how_long_and_how_badly() -> None:
    progress = Progress(200, wanted=True)
    progress.done = 50
    line = progress.line(10.0, failed=3)
    assert line == "[######..................] 50/200  25%  5.0/s  eta 30 s  3 failed"
    endless = Progress(None, wanted=True)
    endless.done = 1_234
    assert endless.line(10.0, failed=0) == "1,234  123.4/s"


def test_the_bar_is_for_terminals_only_and_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Progress(10, wanted=None)
    assert silent.next_in is None
    progress = Progress(10, wanted=True)
    time.sleep(progress.next_in or 0)
    progress.tick(0)
    drawn = capsys.readouterr().err
    assert "0/10" in drawn
    progress.close()
    assert capsys.readouterr().err.strip() == ""


def test_the_clocks_tell_computing_from_waiting() -> None:
    clocks = ThreadClocks()
    before = read(clocks)
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass
    computed = read(clocks).since(before)
    before = read(clocks)
    time.sleep(0.02)
    waited = read(clocks).since(before)
    assert computed.cpu >= 0.02
    assert computed.waiting < 0.02
    assert waited.waiting >= 0.015
    assert waited.cpu < 0.01


@pytest.mark.timeout(20)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is copied")
def test_processes_that_find_nothing_left_are_begun_without_waiting_for_more() -> None:
    over = threading.Event()
    beside = threading.Thread(target=over.wait, name="beside")
    beside.start()
    try:
        feed = Feed([1])
        assert feed.next(0.0) is not None
        assert not feed.has_more
        lane = Processes(math.sqrt, feed, 2, None)
        lane.begin()
        assert lane.close() == []
    finally:
        over.set()
        beside.join()
