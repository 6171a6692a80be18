"""The pace of a rate in words: even, and made up for where timers are late.

A timer of an event loop is up to a millisecond late, and a busy host adds to that. If each start
counted from the one before, that would add up: `"150/s"` would come to 125. So starts follow a
schedule, and one that is late is made up for by the next ones. The promise of the words is kept by
looking back: no start comes before its time has passed since the one that it would be too many
with.
"""

from __future__ import annotations

from collections import deque

LATE_S = 0.01
"""The most that is made up for; what was later than that stays so."""

MARGIN = 0.001
"""The share by which the time looked back on is longer than that of the words: between its permit
and an item's first line something passes, now more and now less."""


class EvenPace:
    """At most `count` starts in any time of `per` seconds, one after another.

    Args:
        count: How many.
        per: In how many seconds.
    """

    __slots__ = ("_due", "_span", "_starts", "interval")

    def __init__(self, count: int, per: float) -> None:
        self._span = per * (1 + MARGIN)
        self.interval = per / count
        """Seconds between two starts."""
        self._due: float | None = None
        self._starts: deque[float] = deque(maxlen=count)

    def wait(self, now: float) -> float:
        """Seconds until a start is allowed.

        Args:
            now: The monotonic time.
        """
        if self._due is None:
            return 0.0
        starts = self._starts
        is_full = len(starts) == starts.maxlen
        earliest = max(self._due, starts[0] + self._span) if is_full else self._due
        return max(0.0, earliest - now)

    def take(self, now: float) -> float:
        """Starts if it is allowed: 0 if it is counted, else the seconds to wait.

        Args:
            now: The monotonic time.
        """
        wait = self.wait(now)
        if wait > 0:
            return wait
        self._due = (now if self._due is None else max(self._due, now - LATE_S)) + self.interval
        self._starts.append(now)
        return 0.0
