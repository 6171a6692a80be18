"""One call of `laneway.map`: what is to be done, by which rules, and what became of it."""

from __future__ import annotations

import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from laneway._map._feed import Feed, Ticket
from laneway._map._progress import Progress
from laneway._map._result import ItemError, MapResult
from laneway._map._stop import Stop
from laneway._policy import ATTEMPTS_MAX
from laneway._verdict import Fail, Retry
from laneway.errors import MapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from laneway._map._settings import AnyPace, MapLane, Settings


class Finished(NamedTuple):
    """How an attempt ended."""

    ticket: Ticket
    value: Any
    exception: BaseException | None


class Work:
    """The state that all lanes share. `settle` may be called from any thread."""

    __slots__ = (
        "_began",
        "_lock",
        "feed",
        "fn",
        "pace",
        "progress",
        "result",
        "settings",
        "stop",
    )

    def __init__(self, fn: Callable[[Any], Any], items: Iterable[Any], settings: Settings) -> None:
        self._began = time.perf_counter()
        self.fn = fn
        self.settings = settings
        self.feed = Feed(items)
        self.pace = _pace_of(settings)
        self.stop = Stop()
        self.result: MapResult[Any] = MapResult()
        self.progress = Progress(self.feed.size, wanted=settings.progress)
        self._lock = threading.Lock()

    def use(self, feed: Feed) -> None:
        """Takes the items from another feed, before anything has run.

        Args:
            feed: The feed.
        """
        self.feed = feed
        self.progress = Progress(feed.size, wanted=self.settings.progress)

    def begin_pace(self) -> None:
        """Makes the pace one without any start so far."""
        self.pace = _pace_of(self.settings)

    def settle(self, finished: Finished) -> None:
        """Records an attempt's end, or plans the next attempt.

        Args:
            finished: How it ended.
        """
        ticket, value, exception = finished
        with self._lock:
            if exception is None:
                self._keep(ticket.place, value)
            elif (delay := self._retry_delay(ticket, exception)) is not None:
                again = ticket._replace(attempt=ticket.attempt + 1)
                self.feed.again(again, time.monotonic() + delay)
                return
            elif not self._failed(ticket, exception):
                return
            self.progress.done += 1

    def keep_run(self, first: int, values: list[Any]) -> None:
        """Records the results of items that follow one another.

        Args:
            first: The place of the first.
            values: Their results.
        """
        with self._lock:
            result = self.result
            if not self.settings.ordered or len(result) == first:
                result.extend(values)
            else:
                for index, value in enumerate(values, first):
                    self._keep(index, value)
            self.progress.done += len(values)

    def set_aside(self, tickets: Iterable[Ticket]) -> None:
        """Counts attempts as never made, because the run was interrupted.

        Args:
            tickets: Those that were started or taken, and have no end.
        """
        with self._lock:
            self.result.pending += [(ticket.place, ticket.item) for ticket in tickets]

    def chose(self, lane: MapLane, reason: str) -> None:
        """Notes where the items run.

        Args:
            lane: The lane.
            reason: Why.
        """
        self.result.lane = lane
        self.result.reason = reason

    def finish(self) -> MapResult[Any]:
        """Closes the books: gives the result, or raises what ended the run."""
        self.progress.close()
        if self.stop.why is not None:
            raise self.stop.why
        result = self.result
        result.interrupted = self.stop.requested
        if result.interrupted:
            result.pending = sorted(result.pending + self.feed.rest(), key=lambda entry: entry[0])
            if self.settings.ordered and self.feed.size is not None:
                result.extend([None] * (self.feed.size - len(result)))
        result.errors.sort(key=lambda error: error.index)
        result.wall = time.perf_counter() - self._began
        return result

    def _failed(self, ticket: Ticket, exception: BaseException) -> bool:
        """Records the end of an item that failed; gives False if it ends the run."""
        attempts = self.settings.retry.attempts
        if isinstance(exception, Retry) and ticket.attempt >= attempts:
            exception = _without_attempts(exception, ticket, attempts)
        if not self.settings.collect or not isinstance(exception, Exception):
            self.stop.fail(_noted(exception, ticket))
            return False
        self.result.errors.append(ItemError(ticket.place, ticket.item, exception))
        if self.settings.ordered:
            self._keep(ticket.place, None)
        return True

    def _keep(self, index: int, value: object) -> None:
        result = self.result
        missing = index - len(result)
        if missing == 0 or not self.settings.ordered:
            result.append(value)
            return
        if missing > 0:
            result.extend([None] * (missing + 1))
        result[index] = value

    def _retry_delay(self, ticket: Ticket, exception: BaseException) -> float | None:
        retry = self.settings.retry
        is_final = isinstance(exception, Fail) or not isinstance(exception, Exception)
        if is_final or ticket.attempt >= retry.attempts or self.stop.requested:
            return None
        if isinstance(exception, Retry) and exception.after is not None:
            return exception.after
        # The power may be too large for a number long before `attempts` are used up.
        try:
            wait = min(retry.cap, retry.first * retry.factor ** (ticket.attempt - 1))
        except OverflowError:
            wait = retry.cap
        return wait * (1 - retry.jitter * random.random())  # noqa: S311 - spreads load


def _pace_of(settings: Settings) -> AnyPace | None:
    return None if settings.new_pace is None else settings.new_pace()


def _without_attempts(wish: Retry, ticket: Ticket, attempts: int) -> MapError:
    """The error of an item whose wish for another attempt cannot be granted, in its words."""
    words = str(wish)
    error = MapError(
        "LW3024",
        f"item {ticket.place} asked for another attempt and has none left",
        f"attempt {ticket.attempt} of {attempts} raised `Retry`"
        + (f": {words}" if words else ", and did not say why"),
        f"grant more attempts, for example `retry={min(attempts + 2, ATTEMPTS_MAX)}`",
    )
    error.__cause__ = wish
    return error


def _noted(exception: BaseException, ticket: Ticket) -> BaseException:
    """The exception, telling which item raised it."""
    text = repr(ticket.item)
    text = text if len(text) <= 200 else f"{text[:200]}…"
    note = f"laneway.map: raised by item {ticket.place}: {text}"
    if ticket.attempt > 1:
        note += f" (attempt {ticket.attempt})"
    if sys.version_info >= (3, 11):
        exception.add_note(note)
    elif exception.__cause__ is None:
        exception.__cause__ = RuntimeError(note)
    return exception
