"""Which lane the rest of the items should take, in words.

The choice itself is core's: one pure function of what was measured, by the verdict's table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from laneway._bridge import CORES_USED_FREE, choose_place, chunk_of

if TYPE_CHECKING:
    from laneway._bridge import PlaceReason

__all__ = ["Decision", "Evidence", "Gil", "chunk_of", "confirmed", "decide", "gil_of", "span"]

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
    if reason == "waits in part":
        computing = min(1.0, (cpu + queued) / wall)
        return f"an item computes {computing:.0%} of its {span(wall)} and waits for the rest"
    if reason == "lets go of the GIL":
        return f"an item computes for {span(cpu)} and {_SEEMS}"
    if reason == "computes":
        gil = " and keeps the GIL" if facts.gil == "held" else ""
        computing = min(1.0, (cpu + queued) / wall)
        return f"an item computes {computing:.0%} of its {span(wall)}{gil}; {width} cores"
    if reason == "no processes":
        return f"it computes, but {facts.process_hindrance}"
    return f"no lane needed: {_why_none(facts, reason)}"


def _why_none(facts: Evidence, reason: PlaceReason) -> str:
    if reason == "rate":
        return f"the rate allows one each {span(facts.interval)}"
    text = f"an item takes {span(facts.wall)}"
    if reason == "starved host":
        share = facts.queued / facts.wall
        text += f", {share:.0%} of it waiting for a core of this busy host"
    return text


_SEEMS = "seems to let go of the GIL meanwhile"
"""As long as only one thread has run items: somebody else could take the GIL from it."""


def gil_of(ran: float, wanted: float) -> Gil:
    """Whether threads side by side keep the GIL while they compute.

    On a busy host they run on fewer cores than they could use, and whoever else of this process
    stands in line for a core makes it look like more: then it cannot be told.

    Args:
        ran: The cores that this process ran on.
        wanted: Those, and the ones that its threads stood in line for.
    """
    if ran > CORES_USED_FREE:
        return "free"
    return "unknown" if wanted > CORES_USED_FREE else "held"


def confirmed(reason: str, gil: Gil, hindrance: str) -> str:
    """Why items run in threads, after threads have run them.

    Args:
        reason: Why it was tried.
        gil: What was seen of them.
        hindrance: Why processes cannot be used; empty if they can.
    """
    if gil == "unknown":
        return f"{reason}; the host is too busy to tell"
    if gil == "free":
        return reason.replace(_SEEMS, "lets go of the GIL meanwhile")
    seen = reason.replace(_SEEMS, "seemed to let go of the GIL meanwhile, but keeps it")
    return f"{seen}; no processes: {hindrance}" if hindrance else seen


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
