"""The thread lane: for functions that wait, and for those that compute without the GIL.

A thread cannot be killed. One that outlives its time limit, or the run, is left behind: its item is
an error at once, another thread takes its place, and what it returns later is thrown away.
"""

from __future__ import annotations

import contextvars
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from laneway._map._work import Finished
from laneway.errors import ItemTimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from laneway._map._feed import Ticket


NAME = "laneway-map"
NAME_LEFT = "laneway-map-left-behind"
"""A thread whose run has ended, or has gone on without it. It may live for ever."""


class Threads:
    """Daemon threads that are started as they are needed."""

    def __init__(self, fn: Callable[[Any], Any], width: int, timeout: float | None) -> None:
        self._fn = fn
        self.width = width
        self._timeout = timeout
        self._context = contextvars.copy_context()
        self._inbox: SimpleQueue[Ticket | None] = SimpleQueue()
        self._outbox: SimpleQueue[tuple[Ticket, Any, BaseException | None] | None] = SimpleQueue()
        self._running: dict[tuple[int, int], tuple[Ticket, float]] = {}
        self._threads: list[threading.Thread] = []
        self._serving: dict[tuple[int, int], threading.Thread] = {}
        self._live = 0
        self._has_left_some = False

    @property
    def running(self) -> int:
        """Attempts that were started and have not ended."""
        return len(self._running)

    @property
    def room(self) -> int:
        """1 if a thread is free or may be started."""
        return 1 if len(self._running) < self.width else 0

    def start(self, tickets: Sequence[Ticket]) -> None:
        """Hands over tickets.

        Args:
            tickets: As many as `room` said.
        """
        for ticket in tickets:
            self._running[ticket.place, ticket.attempt] = ticket, time.monotonic()
            self._inbox.put(ticket)
            if self._live < min(self.width, len(self._running)):
                self._live += 1
                context = self._context.copy()
                thread = threading.Thread(
                    target=context.run, args=(self._serve,), name=NAME, daemon=True
                )
                thread.start()
                self._threads.append(thread)

    def wait(self, seconds: float | None) -> list[Finished]:
        """The attempts that ended, with those that are over their time.

        Args:
            seconds: How long to wait for one.
        """
        found: list[Finished] = []
        try:
            entry = self._outbox.get(timeout=self._until_deadline(seconds))
            while True:
                if entry is not None:
                    ticket, value, exception = entry
                    if self._running.pop((ticket.place, ticket.attempt), None) is not None:
                        found.append(Finished(ticket, value, exception))
                entry = self._outbox.get_nowait()
        except Empty:
            pass
        return found + self._overdue()

    def wake(self) -> None:
        """Ends `wait`. `SimpleQueue.put` may be called in a signal handler."""
        self._outbox.put(None)

    def close(self) -> list[Ticket]:
        """Lets idle threads end and leaves the others behind."""
        for _ in self._threads:
            self._inbox.put(None)
        left = [ticket for ticket, _ in self._running.values()]
        for key in list(self._running):
            self._leave(key)
        if not left and not self._has_left_some:
            for thread in self._threads:
                thread.join(timeout=1.0)
        return left

    def _leave(self, attempt: tuple[int, int]) -> None:
        thread = self._serving.get(attempt)
        if thread is not None:
            thread.name = NAME_LEFT

    def _until_deadline(self, seconds: float | None) -> float | None:
        if self._timeout is None or not self._running:
            return seconds
        # Attempts stand in the order of their start.
        _, began = next(iter(self._running.values()))
        rest = max(0.0, began + self._timeout - time.monotonic())
        return rest if seconds is None else min(rest, seconds)

    def _overdue(self) -> list[Finished]:
        found: list[Finished] = []
        if self._timeout is not None:
            now = time.monotonic()
            for key, (ticket, began) in list(self._running.items()):
                if now - began < self._timeout:
                    break
                del self._running[key]
                self._leave(key)
                # Its thread will not come back in time; another one may be started instead.
                self._live -= 1
                self._has_left_some = True
                found.append(
                    Finished(ticket, None, timed_out(ticket, self._timeout, THREAD_IS_LEFT))
                )
        return found

    def _serve(self) -> None:
        me = threading.current_thread()
        while (ticket := self._inbox.get()) is not None:
            self._serving[ticket.place, ticket.attempt] = me
            try:
                value, exception = self._fn(ticket.item), None
            except BaseException as raised:  # noqa: BLE001 - the driver decides what it means
                value, exception = None, raised
            began = self._running.get((ticket.place, ticket.attempt))
            del self._serving[ticket.place, ticket.attempt]
            self._outbox.put((ticket, value, exception))
            if began is None:
                return


THREAD_IS_LEFT = (
    "a thread cannot be killed: it goes on in the background and its result is thrown away",
    'give the blocking call a time limit of its own, or use `lane="process"`, which is killed',
)
PROCESS_IS_KILLED = (
    "its process was killed, and another one took its place",
    "raise `timeout`, or make an item do less",
)


def timed_out(ticket: Ticket, timeout: float, why_and_fix: tuple[str, str]) -> ItemTimedOut:
    """The error of an attempt that took too long.

    Args:
        ticket: The attempt.
        timeout: The bound, in seconds.
        why_and_fix: What happens to it, and what to do.
    """
    what = f"item {ticket.place} took longer than its {timeout:g} s"
    return ItemTimedOut("LW3022", what, *why_and_fix)
