"""Items in the caller's own thread: where every run of a `def` begins, and trivial work ends.

Items run in chunks that are so large that measuring costs nothing, and so small that a lane is
reconsidered in time. A second thread looks on. It sees what the first cannot while it is inside an
item: that the item waits (then the other items start at once, beside it), that a chunk of trivial
items turned into a heavy one (then the chunk is cut), and whether the GIL is free.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from inspect import iscoroutine
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from laneway._bridge import ThreadClocks
from laneway._map._clocks import Reading, read
from laneway._map._feed import Ticket
from laneway._map._work import Finished

if TYPE_CHECKING:
    from collections.abc import Callable

    from laneway._map._work import Work

CHUNK_S = 0.005
"""What a chunk shall take."""
CHUNK_MAX = 4_096
CUT_S = 0.02
"""A chunk that takes so long is cut."""
FIRST_CHECK_S = 0.001
SURPRISE = 4.0
"""A chunk that takes so many times what was expected begins a new measurement."""

_HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()


class Inline:
    """Runs items here until nothing is left, or somebody decides otherwise."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.clocks = ThreadClocks()
        self.gate = threading.Lock()
        """Held while items are taken; whoever finds `handed_over` set must not take any."""
        self.handed_over = False
        self.found_coroutine = False
        self.used = Reading(0.0, 0.0, 0.0)
        """What the items since the last check used."""
        self.items = 0
        """How many items that were."""
        self.seen = 0
        self.last: tuple[Any, Any] = None, None
        """An item and its result, to try how they travel."""
        self.chunk: list[Any] = []
        self.done: list[Any] = []
        self.serial = 0
        self.began = read(self.clocks)
        self._size = 1
        self._total = 0.0
        self._next_check = FIRST_CHECK_S
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._is_main = threading.current_thread() is threading.main_thread()

    def run(self, is_enough: Callable[[], bool] | None) -> None:
        """Runs items.

        Args:
            is_enough: Asked whenever the time that items took has doubled; it may end this.
        """
        work = self.work
        work.stop.wake = self._ring
        try:
            while not work.stop.requested:
                is_plain = work.pace is None and work.feed.due is None
                if not (self._run_chunk() if is_plain else self._run_one()):
                    break
                work.progress.tick(len(work.result.errors))
                if is_enough is not None and self._total >= self._next_check:
                    if is_enough():
                        break
                    self._next_check = 2 * self._total
                    self._forget()
        finally:
            with self.gate:
                if not self.handed_over:
                    work.stop.wake = None

    def cut(self) -> None:
        """Puts the items behind the one that runs back; called by another thread, at the gate.

        The thread of the chunk is inside an item while another one has the GIL, so the items
        behind that one have not been touched.
        """
        keep = len(self.done) + 1
        behind = self.chunk[keep:]
        del self.chunk[keep:]
        self.work.feed.put_back(behind)

    def _ring(self) -> None:
        self._bell.put(None)

    def _forget(self) -> None:
        self.used = Reading(0.0, 0.0, 0.0)
        self.items = 0

    def _run_chunk(self) -> bool:
        feed = self.work.feed
        with self.gate:
            if self.handed_over:
                return False
            first = feed.taken
            chunk = feed.fresh(self._size)
            if not chunk:
                return not feed.is_empty
            done: list[Any] = []
            self.chunk, self.done = chunk, done
            self.serial += 1
            self.began = read(self.clocks)
        failure = self._call(chunk, done)
        used = read(self.clocks).since(self.began)
        with self.gate:
            count = len(done) + (failure is not None)
            # Nothing is behind a failure if the rest was handed over: it was cut off before.
            if count < len(chunk):
                feed.put_back(chunk[count:])
            self.chunk = self.done = []
        if self.seen == 0 and done and iscoroutine(done[0]):
            done[0].close()
            feed.put_back(chunk)
            self.found_coroutine = True
            return False
        self.work.keep_run(first, done)
        if done:
            self.last = chunk[len(done) - 1], done[-1]
        if failure is not None:
            self._fail(Ticket(first + len(done), chunk[len(done)], 1), failure)
        self._account(used, max(1, count))
        return not self.handed_over

    def _call(self, chunk: list[Any], done: list[Any]) -> BaseException | None:
        stop = self.work.stop
        stop.is_main_inside = self._is_main
        try:
            done.extend(map(self.work.fn, chunk))
        except BaseException as raised:  # noqa: BLE001 - `_fail` decides
            return raised
        finally:
            stop.is_main_inside = False
        # To `map` this exception of an item is the end of the items.
        return StopIteration() if len(done) < len(chunk) else None

    def _run_one(self) -> bool:
        """Like `_run_chunk`, for one item at a pace or for another attempt."""
        work = self.work
        now = time.monotonic()
        wait = 0.0 if work.pace is None else work.pace.wait(now)
        if wait > 0 and work.feed.is_empty:
            return False
        if wait <= 0:
            with self.gate:
                if self.handed_over:
                    return False
                ticket = work.feed.next(now)
                self.serial += 1
                self.chunk, self.done = ([] if ticket is None else [ticket.item]), []
                self.began = read(self.clocks)
            if ticket is not None:
                self._run_ticket(ticket)
                return not self.found_coroutine
            if work.feed.is_empty:
                return False
            wait = max(0.0, (work.feed.due or now) - now)
        pause = wait if work.progress.next_in is None else min(wait, work.progress.next_in)
        with contextlib.suppress(Empty):
            self._bell.get(timeout=pause)
        return True

    def _run_ticket(self, ticket: Ticket) -> None:
        work = self.work
        if work.pace is not None:
            # Not at the time of before, from which the item may have been long in coming.
            work.pace.take(time.monotonic())
        done: list[Any] = []
        failure = self._call([ticket.item], done)
        used = read(self.clocks).since(self.began)
        with self.gate:
            self.chunk = self.done = []
        if done and self.seen == 0 and iscoroutine(done[0]):
            done[0].close()
            work.feed.put_back([ticket.item])
            # Nothing has started: the item gets its permit when a loop runs it.
            work.begin_pace()
            self.found_coroutine = True
        elif failure is not None:
            self._fail(ticket, failure)
        else:
            work.settle(Finished(ticket, done[0], None))
            self.last = ticket.item, done[0]
        self._account(used, 1)

    def _fail(self, ticket: Ticket, failure: BaseException) -> None:
        stop = self.work.stop
        if isinstance(failure, KeyboardInterrupt) and stop.requested and stop.is_forced:
            self.work.set_aside([ticket])
        elif isinstance(failure, KeyboardInterrupt):
            raise failure
        else:
            self.work.settle(Finished(ticket, None, failure))
            self._size = max(1, self._size // 4)

    def _account(self, used: Reading, count: int) -> None:
        expected = CUT_S if self._total == 0 else CHUNK_S
        self.seen += count
        self._total += used.wall
        each = used.wall / count
        if used.wall > SURPRISE * expected and self._size > 1:
            # What came before says nothing about what comes now.
            self._size = 1
            self._next_check = self._total
            self._forget()
            return
        self.used = Reading(*(old + new for old, new in zip(self.used, used, strict=True)))
        self.items += count
        most = CHUNK_MAX if _HAS_GIL else 32
        self._size = max(1, min(2 * self._size, most, int(CHUNK_S / max(each, 1e-8))))
