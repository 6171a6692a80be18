"""Collects what attempts say of their progress, and sends the latest of each now and then."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from laneway._bridge import RunnerChannel

INTERVAL_SECONDS = 0.05


class ProgressReporter:
    """Sends at most one report for each attempt in an interval, and always the latest.

    It has no lock: a stop may be raised in a task at any place, also between taking a lock and
    entering its block, and the lock would be held for ever. Each step is a single operation on a
    dictionary, and a flush that was lost that way is made up for by the next report.
    """

    def __init__(self, channel: RunnerChannel) -> None:
        self._channel = channel
        self._pending: dict[int, tuple[int, float, float | None, str]] = {}
        self._next_flush_at = 0.0

    def report(self, ticket: int, done: float, of: float | None, note: str) -> None:
        """Takes a report, from any thread.

        Args:
            ticket: The attempt.
            done: Steps done.
            of: Steps in all, when it is known.
            note: A word for people.
        """
        self._pending[ticket] = (ticket, done, of, note)
        now = time.monotonic()
        if now < self._next_flush_at:
            return
        self._next_flush_at = now + INTERVAL_SECONDS
        # Later than the end of the interval, so that every report of the interval is seen.
        timer = threading.Timer(INTERVAL_SECONDS * 1.2, self._flush)
        timer.daemon = True
        timer.start()

    def _flush(self) -> None:
        reports: list[tuple[int, float, float | None, str]] = []
        while self._pending:
            reports.append(self._pending.popitem()[1])
        if reports:
            self._channel.progress(reports)
