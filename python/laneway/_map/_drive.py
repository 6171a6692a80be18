"""The loop that feeds threads or processes: rate, retries, time limits, Ctrl-C and the bar.

One thread drives; the lane only starts attempts and tells how they ended.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from laneway._map._feed import Ticket
    from laneway._map._work import Finished, Work

TURN_MAX_S = 3_600.0
WATCH_S = 0.02
"""How often `is_enough` is asked at least."""


class Lane(Protocol):
    """Where blocking attempts run."""

    @property
    def running(self) -> int:
        """Attempts that were started and have not ended."""
        ...

    @property
    def room(self) -> int:
        """How many tickets the next `start` may bring; 0 if all places are taken."""
        ...

    def start(self, tickets: Sequence[Ticket]) -> None:
        """Starts attempts, which share one place."""
        ...

    def wait(self, seconds: float | None) -> list[Finished]:
        """Waits for ends, for a ring of `wake`, or so long."""
        ...

    def wake(self) -> None:
        """Ends `wait` from a signal handler or another thread."""
        ...

    def close(self) -> list[Ticket]:
        """Ends what still runs, where that is possible, and tells what that was."""
        ...


def drive(work: Work, lane: Lane, *, is_enough: Callable[[], bool] | None = None) -> None:
    """Runs everything that is left in the lane.

    Args:
        work: What is to be done.
        lane: Where.
        is_enough: Asked at each turn; once it says so, nothing more is started here.
    """
    stop = work.stop
    stop.wake = lane.wake
    try:
        while True:
            ends = stop.requested or (is_enough is not None and is_enough())
            pause = TURN_MAX_S if ends else _fill(work, lane)
            if not lane.running and (ends or work.feed.is_empty):
                break
            if stop.is_over:
                break
            if stop.deadline is not None:
                pause = max(0.0, stop.deadline - time.monotonic())
            next_in = work.progress.next_in
            pause = pause if next_in is None else min(pause, next_in)
            if is_enough is not None and not ends:
                pause = min(pause, WATCH_S)
            for finished in lane.wait(None if pause >= TURN_MAX_S else pause):
                work.settle(finished)
            work.progress.tick(len(work.result.errors))
    finally:
        stop.wake = None
        work.set_aside(lane.close())


def _fill(work: Work, lane: Lane) -> float:
    """Starts what may start; gives the seconds until more may."""
    while room := lane.room:
        tickets = _startable(work, room)
        if not tickets:
            return _next_start(work)
        lane.start(tickets)
    return TURN_MAX_S


def _startable(work: Work, count: int) -> list[Ticket]:
    """At most so many tickets that may start now.

    At a pace they come one by one: the next item may be long in coming, and whoever has a permit
    must not wait for it.
    """
    tickets: list[Ticket] = []
    while len(tickets) < count and not work.stop.requested:
        now = time.monotonic()
        if work.pace is not None and work.pace.wait(now) > 0:
            break
        ticket = work.feed.next(now)
        if ticket is None:
            break
        tickets.append(ticket)
        if work.pace is not None:
            # Not at the time of before, from which the item may have been long in coming.
            work.pace.take(time.monotonic())
            break
    return tickets


def _next_start(work: Work) -> float:
    """Seconds until there will be a ticket that may start."""
    now = time.monotonic()
    due = work.feed.due if work.feed.has_ended else now
    if due is None:
        return TURN_MAX_S
    if work.pace is not None:
        due = max(due, now + work.pace.wait(now))
    return max(0.0, due - now)
