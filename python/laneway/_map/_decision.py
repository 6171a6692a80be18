"""Which lane the rest of the items should take: one pure function of what was measured.

It predicts how long the rest takes in each lane, and leaves the caller's thread only for a gain
that is clear. Waiting for a core counts as computing: it goes away in no lane.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple


class Thresholds(NamedTuple):
    """Every number that the decision depends on."""

    gain_least: float = 1.3
    """Another lane must be so many times as fast: below that, measuring errs too easily."""
    saved_least_s: float = 0.03
    """It must save so much: a script of a blink is best left alone."""
    thread_dispatch_s: float = 50e-6
    """Giving an item to a thread and its result back."""
    thread_start_s: float = 80e-6
    process_round_trip_s: float = 150e-6
    """Giving a chunk to a process and its results back, pickling aside."""
    process_item_s: float = 2e-6
    """What an item of a chunk costs besides its pickling."""
    chunk_s: float = 0.01
    """What a chunk of items should take, so that its round trip does not matter."""
    threads_max: int = 64
    threads_least: int = 32
    starved_share: float = 0.25
    """The host is called busy when so much of the time went by waiting for a core."""


THRESHOLDS = Thresholds()

Gil = Literal["held", "free", "unknown"]


class Evidence(NamedTuple):
    """What is known when a lane is chosen; times are seconds an item."""

    seen: int
    """Items that were run."""
    left: int | None
    """Items that are left; `None` if nobody knows."""
    wall: float
    cpu: float
    queued: float
    """The wait for a core."""
    gil: Gil
    """Whether the function keeps the GIL while it computes."""
    cores: int
    concurrency: int | None
    """The bound that the caller gave."""
    interval: float
    """Seconds between two starts by the rate; 0 without one."""
    pickled: float
    """Pickling the argument and the result, there and back."""
    process_start: float
    process_hindrance: str
    """Why processes cannot be used; empty if they can."""


class Decision(NamedTuple):
    """The lane for the rest, and why."""

    lane: Literal["inline", "thread", "process"]
    width: int
    """Items at once."""
    reason: str


def decide(facts: Evidence, table: Thresholds = THRESHOLDS) -> Decision:
    """Chooses the lane.

    Args:
        facts: What was measured.
        table: The thresholds.
    """
    # If nobody knows how many are left, as many again is the best guess.
    left = max(1, facts.seen) if facts.left is None else facts.left
    least = left * facts.interval
    inline = max(left * facts.wall, least)
    width = _threads(facts, left, table)
    thread = max(_thread_time(facts, left, width, table), least)
    processes = min(facts.concurrency or facts.cores, facts.cores, max(1, left))
    process = max(_process_time(facts, left, processes, table), least)
    if facts.process_hindrance or process * table.gain_least > thread:
        if _pays(inline, thread, table):
            return Decision("thread", width, _thread_reason(facts))
    elif _pays(inline, process, table):
        return Decision("process", processes, _process_reason(facts, processes))
    would_pay = _pays(inline, process, table) and processes > 1
    return Decision("inline", 1, _inline_reason(facts, left, table, would_pay=would_pay))


def chunk_of(seconds_per_item: float, left: int | None, width: int) -> int:
    """How many items travel to a process together.

    Args:
        seconds_per_item: The time that an item takes.
        left: Items left, if known.
        width: How many processes there are.
    """
    fill = max(1, round(THRESHOLDS.chunk_s / max(seconds_per_item, 1e-7)))
    # A quarter of a fair share at most, so that the last chunks do not keep one process busy alone.
    return fill if left is None else max(1, min(fill, left // (4 * width)))


def _pays(inline: float, other: float, table: Thresholds) -> bool:
    return inline >= other * table.gain_least and inline - other >= table.saved_least_s


def _threads(facts: Evidence, left: int, table: Thresholds) -> int:
    """As many as the work can keep busy."""
    busy = facts.cpu + table.thread_dispatch_s
    useful = math.ceil(1.2 * facts.wall / busy)
    if facts.gil == "free":
        useful = max(useful, facts.cores)
    if facts.interval:
        # Twice what the rate needs, for items that take longer than those that were seen.
        useful = min(useful, math.ceil(2 * facts.wall / facts.interval) + 1)
    width = max(table.threads_least, min(useful, table.threads_max))
    if facts.gil == "free" and facts.cpu + facts.queued > facts.wall / 2:
        width = facts.cores
    width = facts.concurrency or width
    return width if facts.left is None else max(1, min(width, left))


def _thread_time(facts: Evidence, left: int, width: int, table: Thresholds) -> float:
    computing = facts.cpu + facts.queued
    serial = computing / min(facts.cores, width) if facts.gil == "free" else computing
    rounds = math.ceil(left / width) * facts.wall
    hops = left * table.thread_dispatch_s + width * table.thread_start_s
    return max(left * serial, rounds) + hops


def _process_time(facts: Evidence, left: int, width: int, table: Thresholds) -> float:
    chunk = chunk_of(facts.wall, left, width)
    hops = left * (facts.pickled + table.process_item_s) + left / chunk * table.process_round_trip_s
    return math.ceil(left / width) * facts.wall + hops + width * facts.process_start


def _thread_reason(facts: Evidence) -> str:
    waiting = max(0.0, facts.wall - facts.cpu - facts.queued)
    if waiting >= facts.wall / 2:
        return f"an item waits {waiting / facts.wall:.0%} of its {span(facts.wall)}"
    return f"an item computes for {span(facts.cpu)} and lets go of the GIL meanwhile"


def _process_reason(facts: Evidence, width: int) -> str:
    computing = min(1.0, (facts.cpu + facts.queued) / facts.wall)
    gil = " and keeps the GIL" if facts.gil == "held" else ""
    return f"an item computes {computing:.0%} of its {span(facts.wall)}{gil}; {width} cores"


def _inline_reason(facts: Evidence, left: int, table: Thresholds, *, would_pay: bool) -> str:
    if facts.process_hindrance and would_pay:
        return f"it computes, but {facts.process_hindrance}"
    if facts.interval > facts.wall and left:
        return f"no lane needed: the rate allows one each {span(facts.interval)}"
    text = f"no lane needed: an item takes {span(facts.wall)}"
    if facts.wall and facts.queued / facts.wall > table.starved_share:
        text += f", {facts.queued / facts.wall:.0%} of it waiting for a core of this busy host"
    return text


def span(seconds: float) -> str:
    """A time for people.

    Args:
        seconds: How long.

    Example:
        >>> span(0.0214), span(3e-7), span(75)
        ('21 ms', '0.3 µs', '75 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            number = seconds / size
            return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-5 else f"{seconds * 1e6:.0f} µs"
