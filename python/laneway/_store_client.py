"""The store as the SDK uses it, for blocking code and for event loops.

For an event loop, answers come through one native mailbox with one file descriptor: however many
calls and results are awaited, the loop watches one thing and wakes once for many answers.
"""

from __future__ import annotations

import asyncio
import itertools
import select
import weakref
from typing import TYPE_CHECKING, Any, cast

from laneway import _bridge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from laneway._bridge import JobEnd, NewJob

    Send = Callable[["_bridge.Mailbox", int], object]


class Mailroom:
    """Hands answers of the native half to the futures of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._mailbox = _bridge.Mailbox()
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self._next_ticket = itertools.count(1).__next__
        loop.add_reader(self._mailbox.fileno(), self._deliver)

    def post(self, send: Send) -> asyncio.Future[Any]:
        """Starts a native call and gives the future of its answer.

        Args:
            send: Starts it, with the mailbox and the ticket of the answer.
        """
        return self._post(send)[1]

    async def end_of(
        self, client: _bridge.Client, job: str, timeout: float | None
    ) -> JobEnd | None:
        """Waits for the end of a job; `None` when the time is over first.

        Args:
            client: The store's client.
            job: The job's id.
            timeout: Seconds, or `None` for as long as it takes.
        """
        ticket, future = self._post(lambda mailbox, ticket: client.subscribe(job, mailbox, ticket))
        timer = None
        if timeout is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(timeout, _settle_with_none, future)
        try:
            return cast("JobEnd | None", await future)
        finally:
            if timer is not None:
                timer.cancel()
            if self._futures.pop(ticket, None) is not None:
                client.unsubscribe(self._mailbox, ticket)

    def _post(self, send: Send) -> tuple[int, asyncio.Future[Any]]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        ticket = self._next_ticket()
        self._futures[ticket] = future
        try:
            send(self._mailbox, ticket)
        except _bridge.NativeError as error:
            del self._futures[ticket]
            raise _bridge.to_public(error) from None
        return ticket, future

    def _deliver(self) -> None:
        for ticket, value, error in self._mailbox.drain():
            future = self._futures.pop(ticket, None)
            # It is done already when the code that awaited it was cancelled.
            if future is None or future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(_bridge.to_public(error))


def _settle_with_none(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


_mailrooms: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailroom] = (
    weakref.WeakKeyDictionary()
)


def mailroom() -> Mailroom:
    """The mailroom of the running event loop."""
    loop = asyncio.get_running_loop()
    room = _mailrooms.get(loop)
    if room is None:
        room = _mailrooms[loop] = Mailroom(loop)
    return room


class StoreClient:
    """A store that was opened for one application."""

    def __init__(self, url: str | None) -> None:
        try:
            self.native = _bridge.Client(url)
        except _bridge.NativeError as error:
            raise _bridge.to_public(error) from None

    def post_jobs(self, jobs: Sequence[NewJob]) -> Awaitable[list[tuple[str, bool]]]:
        """Starts to add jobs, for the running event loop.

        Args:
            jobs: Which; all are added, or none.
        """
        native = self.native
        return mailroom().post(lambda mailbox, ticket: native.enqueue(jobs, mailbox, ticket))

    def add_jobs(self, jobs: Sequence[NewJob]) -> list[tuple[str, bool]]:
        """Adds jobs and waits for it.

        Args:
            jobs: Which; all are added, or none.
        """
        return cast("list[tuple[str, bool]]", self._blocking(self.native.enqueue, jobs))

    def enqueueing(self, job: NewJob) -> tuple[str, str, bytes]:
        """What adds a job by another driver: a SQL function, the job as JSON, its arguments.

        Args:
            job: Which.
        """
        return cast("tuple[str, str, bytes]", self._blocking(self.native.enqueueing, job))

    async def end_of(self, job: str, timeout: float | None) -> JobEnd | None:
        """Waits for the end of a job.

        Args:
            job: Its id.
            timeout: Seconds, or `None` for as long as it takes.
        """
        return await mailroom().end_of(self.native, job, timeout)

    def wait_for_end_of(self, job: str, timeout: float | None) -> JobEnd | None:
        """The blocking twin of `end_of`.

        Args:
            job: Its id.
            timeout: Seconds, or `None` for as long as it takes.
        """
        return cast("JobEnd | None", self._blocking(self.native.wait, job, timeout))

    async def details(self, job: str) -> dict[str, Any] | None:
        """Everything known of a job.

        Args:
            job: Its id.
        """
        native = self.native
        details = await mailroom().post(lambda mailbox, ticket: native.job(job, mailbox, ticket))
        return cast("dict[str, Any] | None", details)

    def details_now(self, job: str) -> dict[str, Any] | None:
        """The blocking twin of `details`.

        Args:
            job: Its id.
        """
        return cast("dict[str, Any] | None", self._blocking(self.native.job, job))

    async def cancel(self, job: str) -> str:
        """Asks for the cancellation of a job.

        Args:
            job: Its id.
        """
        native = self.native
        answers = await mailroom().post(
            lambda mailbox, ticket: native.cancel([job], mailbox, ticket)
        )
        return cast("list[str]", answers)[0]

    def cancel_now(self, job: str) -> str:
        """The blocking twin of `cancel`.

        Args:
            job: Its id.
        """
        answers = cast("list[str]", self._blocking(self.native.cancel, [job]))
        return answers[0]

    def close(self) -> None:
        """Waits for what is under way and lets go of the store."""
        self._blocking(self.native.close)

    @staticmethod
    def _blocking(call: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - the call's own
        try:
            return call(*args)
        except _bridge.NativeError as error:
            raise _bridge.to_public(error) from None


class BlockingMailroom:
    """Lets a blocking producer have several native calls under way."""

    def __init__(self) -> None:
        self._mailbox = _bridge.Mailbox()
        self._poll = select.poll()
        self._poll.register(self._mailbox.fileno(), select.POLLIN)
        self._next_ticket = itertools.count(1).__next__
        self._answers: dict[int, tuple[object, _bridge.NativeError | None]] = {}

    def post(self, send: Send) -> int:
        """Starts a native call and gives the ticket of its answer.

        Args:
            send: Starts it, with the mailbox and the ticket.
        """
        ticket = self._next_ticket()
        try:
            send(self._mailbox, ticket)
        except _bridge.NativeError as error:
            raise _bridge.to_public(error) from None
        return ticket

    def answer(self, ticket: int) -> Any:  # noqa: ANN401 - the call's own
        """Waits for an answer.

        Args:
            ticket: Which.
        """
        while ticket not in self._answers:
            self._poll.poll()
            for other, value, error in self._mailbox.drain():
                self._answers[other] = (value, error)
        value, error = self._answers.pop(ticket)
        if error is not None:
            raise _bridge.to_public(error) from None
        return value

    def close(self) -> None:
        """Drops what is still to come."""
        self._mailbox.close()
