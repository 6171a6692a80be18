"""The async lane: coroutines on one event loop.

A fixed number of tasks take items one after another, so that an item costs no task of its own. The
loop gets its turn although items may end without ever waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from laneway._map._feed import Feed, Ticket
from laneway._map._work import Finished
from laneway.errors import ItemTimedOut, SettingError

if TYPE_CHECKING:
    from laneway._map._settings import AnyPace
    from laneway._map._work import Work

CONCURRENCY = 100
TURN_S = 0.005
RAMP_S = 0.05
"""The tasks are started one a turn of the loop, and in so long at most."""


class AsyncFeed(Feed):
    """A feed whose new items come from an async iterator."""

    __slots__ = ("_async_source", "_lock")

    def __init__(self, items: AsyncIterable[Any]) -> None:
        nothing: tuple[Any, ...] = ()
        super().__init__(nothing)
        self.size = None
        self.is_plain = False
        self._async_source: AsyncIterator[Any] = aiter(items)
        self._lock = asyncio.Lock()

    async def next_async(self, now: float) -> Ticket | None:
        """Like `next`, and waits for a new item if none is to be tried again.

        Args:
            now: The monotonic time.
        """
        if (due := self.due) is not None and due <= now:
            return self.next(now)
        async with self._lock:
            if self.exhausted:
                return None
            try:
                item = await anext(self._async_source)
            except StopAsyncIteration:
                self.exhausted = True
                return None
            self.taken += 1
            return Ticket(self.taken - 1, item, 1)


class AsyncLane:
    """One run on the loop that is running."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._running: dict[asyncio.Task[None], Ticket] = {}
        self._turned_at = time.perf_counter()
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Runs everything."""
        work = self._work
        work.stop.wake = self._wake
        width = work.settings.concurrency or CONCURRENCY
        left = work.feed.left
        width = width if left is None else max(1, min(width, left))
        tasks: list[asyncio.Task[None]] = []
        bar = self._loop.create_task(self._draw())
        stopping = self._loop.create_task(self._changed.wait())
        try:
            await self._start(tasks, width)
            waiting: set[asyncio.Task[Any]] = {*tasks}
            while waiting and not stopping.done():
                _, waiting = await asyncio.wait(
                    {*waiting, stopping}, return_when=asyncio.FIRST_COMPLETED
                )
                waiting.discard(stopping)
            if waiting and work.stop.deadline is not None:
                grace = work.stop.deadline - time.monotonic()
                if grace > 0:
                    await asyncio.wait(waiting, timeout=grace)
        finally:
            work.stop.wake = None
            bar.cancel()
            stopping.cancel()
            await self._end(tasks)

    async def _start(self, tasks: list[asyncio.Task[None]], width: int) -> None:
        """Starts tasks a few at a time, as long as there is something for them to do.

        If all began in one turn, none could send its request before all had opened a connection,
        and their answers, and all that follows, would come in bursts, too.
        """
        work, began = self._work, time.perf_counter()
        while len(tasks) < width and not work.feed.is_empty and not work.stop.requested:
            due = int(width * (time.perf_counter() - began) / RAMP_S)
            until = min(width, max(len(tasks) + 1, due))
            tasks += [self._loop.create_task(self._serve()) for _ in range(until - len(tasks))]
            await asyncio.sleep(0)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        left = list(self._running.values())
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        self._work.set_aside(left)
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end

    def _wake(self) -> None:
        # It is also called by a signal handler, which may run inside any step of the loop.
        self._loop.call_soon_threadsafe(self._changed.set)

    async def _draw(self) -> None:
        progress = self._work.progress
        while (pause := progress.next_in) is not None:
            await asyncio.sleep(max(pause, 0.02))
            progress.tick(len(self._work.result.errors))

    async def _serve(self) -> None:
        work = self._work
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - a coroutine of a task
        while not self._must_end():
            ticket = await self._take(me)
            if ticket is None:
                if self._must_end() or not await self._wait_for_retry():
                    return
                continue
            if self._must_end():
                # It was taken meanwhile. Nothing new starts: the end sets it aside.
                return
            finished = await self._attempt(ticket)
            del self._running[me]
            work.settle(finished)
            if work.stop.why is not None:
                return
            if work.pace is not None and not self._running and work.feed.is_empty:
                # Others wait for a start that nothing is left for.
                self._changed.set()
                return
            if time.perf_counter() - self._turned_at > TURN_S:
                await asyncio.sleep(0)
                self._turned_at = time.perf_counter()

    def _must_end(self) -> bool:
        """Whether nothing new may start; a signal can ask for that at any moment."""
        return self._work.stop.requested

    async def _take(self, me: asyncio.Task[None]) -> Ticket | None:
        work, feed = self._work, self._work.feed
        if work.pace is not None and not await self._may_start(work.pace, me):
            return None
        now = time.monotonic()
        ticket = await feed.next_async(now) if isinstance(feed, AsyncFeed) else feed.next(now)
        if ticket is not None:
            # From here on it would be missed if the run ended.
            self._running[me] = ticket
            # Others may take starts while this one waits, for an item or for its own start.
            while work.pace is not None and work.pace.take(time.monotonic()) > 0:
                if not await self._may_start(work.pace, me):
                    break
        return ticket

    async def _may_start(self, pace: AnyPace, me: asyncio.Task[None]) -> bool:
        """Waits until a start is allowed; gives False if none is needed any more.

        One waits for the pace and the others for that one: it would take a core to wake them all
        for each start of a high rate.
        """
        feed = self._work.feed
        async with self._turn:
            while not self._must_end() and (wait := pace.wait(time.monotonic())) > 0:
                if me not in self._running and feed.has_ended and feed.due is None:
                    return False
                await asyncio.sleep(wait)
        return not self._must_end()

    async def _wait_for_retry(self) -> bool:
        """Waits for another attempt that is due later; gives False if nothing can come."""
        work = self._work
        if work.feed.is_empty and not self._running:
            return False
        now = time.monotonic()
        due = work.feed.due
        if due is None:
            # What runs may fail and be tried again; its own task will do that.
            return False
        await asyncio.sleep(max(0.0, due - now))
        return True

    async def _attempt(self, ticket: Ticket) -> Finished:
        work = self._work
        timeout = work.settings.timeout
        try:
            running = work.fn(ticket.item)
            # Asked once only: an item must cost no more than it does.
            if ticket.place == 0 and not isawaitable(running):
                work.stop.fail(not_async())
                return Finished(ticket, None, None)
            value = await (running if timeout is None else self._bounded(ticket, running, timeout))
        except asyncio.CancelledError as cancelled:
            me = asyncio.current_task()
            if me is not None and getattr(me, "cancelling", lambda: 1)():
                raise
            return Finished(ticket, None, cancelled)
        except Exception as raised:  # noqa: BLE001 - `settle` decides
            return Finished(ticket, None, raised)
        return Finished(ticket, value, None)

    async def _bounded(self, ticket: Ticket, running: Awaitable[Any], timeout: float) -> object:
        attempt = asyncio.ensure_future(running)
        try:
            await asyncio.wait({attempt}, timeout=timeout)
        except asyncio.CancelledError:
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            raise
        if attempt.done():
            return attempt.result()
        attempt.cancel()
        await asyncio.wait({attempt}, timeout=timeout)
        if attempt.done() and not attempt.cancelled() and attempt.exception() is None:
            return attempt.result()
        raise ItemTimedOut(
            "LW3022",
            f"item {ticket.place} took longer than its {timeout:g} s",
            "it was cancelled",
            "raise `timeout`, or make an item do less",
        )


def not_async() -> SettingError:
    """The error of a function that gives no awaitable."""
    return SettingError(
        "LW1021",
        "`amap` runs an `async def` only",
        "a `def` would block the event loop that it was called from",
        "write `await asyncio.to_thread(laneway.map, fn, items)`",
    )


def feed_of(items: Iterable[Any] | AsyncIterable[Any]) -> Feed:
    """The feed for items of either kind.

    Args:
        items: An iterable or an async iterable.
    """
    return AsyncFeed(items) if isinstance(items, AsyncIterable) else Feed(items)
