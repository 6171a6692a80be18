"""The pace of starts under a `Rate`: the generic cell rate algorithm, kept in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from laneway._policy import Rate


class Pace:
    """Tells when the next start is allowed.

    Example:
        >>> from laneway import Rate
        >>> pace = Pace(Rate("10/s", burst=2))
        >>> [round(pace.take(now=5.0), 3) for _ in range(3)]
        [0.0, 0.0, 0.1]
    """

    __slots__ = ("_full_at", "_slack", "interval")

    def __init__(self, rate: Rate) -> None:
        self.interval = rate.per / rate.count
        self._slack = self.interval * (rate.burst - 1)
        self._full_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a start is allowed.

        Args:
            now: The monotonic time.
        """
        return max(0.0, self._full_at - self._slack - now)

    def take(self, now: float) -> float:
        """Starts if it is allowed.

        Args:
            now: The monotonic time.

        Returns:
            0 if it may start, and is counted; else the seconds to wait, and nothing is counted.
        """
        wait = self.wait(now)
        if wait <= 0:
            self._full_at = max(self._full_at, now) + self.interval
            return 0.0
        return wait
