"""Which lane the rest of the items should take, in words.

The choice itself is core's: one pure function of what was measured, by the verdict's table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from laneway._bridge import choose_place, chunk_of

if TYPE_CHECKING:
    from laneway._bridge import PlaceReason

__all__ = ["Decision", "Evidence", "Gil", "chunk_of", "decide", "span"]

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


def decide(facts: Evidence) -> Decision:
    """Chooses the lane.

    Args:
        facts: What was measured.
    """
    place, width, reason = choose_place(facts)
    return Decision(place, width, _words(facts, reason, width))


def _words(facts: Evidence, reason: PlaceReason, width: int) -> str:
    wall, cpu, queued = facts.wall, facts.cpu, facts.queued
    if reason == "waits":
        return f"an item waits {(wall - cpu - queued) / wall:.0%} of its {span(wall)}"
    if reason == "lets go of the GIL":
        return f"an item computes for {span(cpu)} and lets go of the GIL meanwhile"
    if reason == "computes":
        gil = " and keeps the GIL" if facts.gil == "held" else ""
        computing = min(1.0, (cpu + queued) / wall)
        return f"an item computes {computing:.0%} of its {span(wall)}{gil}; {width} cores"
    if reason == "no processes":
        return f"it computes, but {facts.process_hindrance}"
    if reason == "rate":
        return f"no lane needed: the rate allows one each {span(facts.interval)}"
    text = f"no lane needed: an item takes {span(wall)}"
    if reason == "starved host":
        text += f", {queued / wall:.0%} of it waiting for a core of this busy host"
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
