"""Enqueueing many calls: a stream of batches, a few of them under way at any time."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import deque
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from laneway._job import Job
from laneway._override import override
from laneway._store_client import BlockingMailroom
from laneway.errors import LanewayError, TaskUnregistered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from laneway._app import Laneway
    from laneway._task import Call, Definition

R_co = TypeVar("R_co", covariant=True)

BATCH_CALLS = 1_000
"""The most calls of one batch."""

BATCH_BYTES = 4 << 20
"""A batch ends when its arguments have so many bytes, which bounds the memory it takes."""

BATCHES_UNDER_WAY = 2
"""While one is being stored, the next is prepared."""


class Enqueued(Sequence[Job[R_co]], Generic[R_co]):
    """The jobs of `app.enqueue_many`, in the order of the calls.

    It is a sequence of `Job`; each is made when it is asked for, so a million cost little.

    Attributes:
        total: How many calls were taken.
        created: How many jobs are new; the others were there under the same key.
        ids: The jobs' ids; empty with `ids=False`.
    """

    def __init__(self, app: Laneway) -> None:
        self._app = app
        self._definitions: list[Definition] = []
        self.total = 0
        self.created = 0
        self.ids: list[str] = []

    @overload
    def __getitem__(self, index: int) -> Job[R_co]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Job[R_co]]: ...
    @override
    def __getitem__(self, index: int | slice) -> Job[R_co] | list[Job[R_co]]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self.ids)))]
        return self._app.job_of(self._definitions[index], self.ids[index])

    @override
    def __len__(self) -> int:
        return len(self.ids)

    @override
    def __repr__(self) -> str:
        return f"<{self.total} jobs enqueued, {self.created} of them new>"

    def add(self, batch: Batch, answers: list[tuple[str, bool]], *, keep_ids: bool) -> None:
        """Takes the store's answer for a batch.

        Args:
            batch: The calls.
            answers: The id of each job, and whether it is new.
            keep_ids: Whether the ids are kept.
        """
        self.total += len(answers)
        self.created += sum(created for _, created in answers)
        if keep_ids:
            self.ids.extend([job_id for job_id, _ in answers])
            self._definitions.extend([call.definition for call in batch.calls])


class Batch:
    """Calls that are stored together."""

    __slots__ = ("bytes", "calls")

    def __init__(self) -> None:
        self.calls: list[Call[Any]] = []
        self.bytes = 0

    def add(self, call: Call[Any]) -> bool:
        """Takes a call; tells whether the batch is full then.

        Args:
            call: The call.
        """
        try:
            self.bytes += len(call.new_job[1])
        except AttributeError:
            raise _not_a_call(call) from None
        self.calls.append(call)
        return len(self.calls) >= BATCH_CALLS or self.bytes >= BATCH_BYTES


async def enqueue_many(
    app: Laneway, calls: Iterable[Call[R_co]] | AsyncIterable[Call[R_co]], *, keep_ids: bool
) -> Enqueued[R_co]:
    """Stores calls from a running event loop.

    Args:
        app: The application of their tasks.
        calls: The calls; they are taken as they are stored, never all at once.
        keep_ids: Whether the ids are kept.
    """
    store = app.store_client
    enqueued: Enqueued[R_co] = Enqueued(app)
    under_way: deque[tuple[Batch, Awaitable[list[tuple[str, bool]]]]] = deque()
    try:
        async for batch in _async_batches(calls):
            if len(under_way) == BATCHES_UNDER_WAY:
                first, answer = under_way.popleft()
                enqueued.add(first, await answer, keep_ids=keep_ids)
            under_way.append((batch, store.post_jobs(_new_jobs(app, batch))))
        while under_way:
            first, answer = under_way.popleft()
            enqueued.add(first, await answer, keep_ids=keep_ids)
    except BaseException:
        # What was handed to the store is waited for, so that nothing is added after the error.
        await asyncio.gather(*(answer for _, answer in under_way), return_exceptions=True)
        raise
    return enqueued


def delay_many(app: Laneway, calls: Iterable[Call[R_co]], *, keep_ids: bool) -> Enqueued[R_co]:
    """Stores calls from code without an event loop.

    Args:
        app: The application of their tasks.
        calls: The calls; they are taken as they are stored, never all at once.
        keep_ids: Whether the ids are kept.
    """
    native = app.store_client.native
    enqueued: Enqueued[R_co] = Enqueued(app)
    room = BlockingMailroom()
    under_way: deque[tuple[Batch, int]] = deque()
    try:
        for batch in _batches(calls):
            jobs = _new_jobs(app, batch)
            if len(under_way) == BATCHES_UNDER_WAY:
                first, ticket = under_way.popleft()
                enqueued.add(first, room.answer(ticket), keep_ids=keep_ids)
            ticket = room.post(functools.partial(native.enqueue, jobs))
            under_way.append((batch, ticket))
        while under_way:
            first, ticket = under_way.popleft()
            enqueued.add(first, room.answer(ticket), keep_ids=keep_ids)
    finally:
        # What is left here was handed to the store before an error: it is waited for.
        for _, ticket in under_way:
            with contextlib.suppress(LanewayError):
                room.answer(ticket)
        room.close()
    return enqueued


def _batches(calls: Iterable[Call[Any]]) -> Iterator[Batch]:
    batch = Batch()
    for call in calls:
        if batch.add(call):
            yield batch
            batch = Batch()
    if batch.calls:
        yield batch


async def _async_batches(calls: object) -> AsyncIterator[Batch]:
    if not isinstance(calls, AsyncIterable):
        for batch in _batches(cast("Iterable[Call[Any]]", calls)):
            yield batch
        return
    batch = Batch()
    async for call in cast("AsyncIterable[Call[Any]]", calls):
        if batch.add(call):
            yield batch
            batch = Batch()
    if batch.calls:
        yield batch


def _new_jobs(app: Laneway, batch: Batch) -> list[Any]:
    for definition in {call.definition for call in batch.calls}:
        if definition.app is not app:
            raise TaskUnregistered(
                "LW3010",
                f"the task `{definition.name}` belongs to another application",
                "its jobs would go to the store of this one, whose workers may not know it",
                "enqueue it through its own application",
            )
    return [call.new_job for call in batch.calls]


def _not_a_call(value: object) -> TypeError:
    return TypeError(f"{value!r} is no call of a task: write `task.call(…)` for each of them")
