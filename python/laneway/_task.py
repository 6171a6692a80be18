"""Tasks: functions whose calls can be enqueued."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from laneway._options import check_enqueue_options, due
from laneway._override import override

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from typing_extensions import Unpack

    from laneway._app import Laneway
    from laneway._binding import Binding
    from laneway._bridge import JobTemplate, NewJob
    from laneway._job import Job
    from laneway._options import EnqueueOptions, Settings
    from laneway._signature import Signature
    from laneway._transaction import AsyncConnection

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Definition:
    """What a task is, apart from its types: its function, its name and its settings."""

    def __init__(
        self, app: Laneway, function: Callable[..., Any], name: str, settings: Settings
    ) -> None:
        self.app = app
        self.function = function
        self.name = name
        self.settings = settings

    @functools.cached_property
    def signature(self) -> Signature:
        """Its parameters."""
        from laneway._signature import Signature  # noqa: PLC0415 - not needed to import an app

        return Signature(self.function)

    @functools.cached_property
    def binding(self) -> Binding:
        """Checks and encodes arguments; compiled when the first job is made."""
        from laneway._binding import Binding  # noqa: PLC0415 - not needed to import an app

        return Binding(self.name, self.signature, self.settings.unique_by)

    @functools.cached_property
    def template(self) -> JobTemplate:
        """What its jobs share."""
        return self.settings.template(self.name)

    @functools.cached_property
    def decode_result(self) -> Callable[[bytes], Any]:
        """Decodes a result into what the function says that it returns."""
        from laneway import _codec  # noqa: PLC0415 - not needed to import an app

        return _codec.decoder(self.signature.hint("return"))


class Call(Generic[R_co]):
    """A call of a task that is not enqueued yet; its arguments are checked and encoded.

    Made by `task.call(…)`, taken by `app.enqueue_many` and `app.delay_many`, and by
    `enqueue` into a transaction of your own.
    """

    __slots__ = ("definition", "new_job")

    def __init__(self, definition: Definition, new_job: NewJob) -> None:
        self.definition = definition
        self.new_job = new_job

    @overload
    def enqueue(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, *, connection: AsyncConnection
    ) -> Awaitable[Job[R_co]]: ...
    @overload
    def enqueue(self, *, connection: object) -> Job[R_co]: ...
    def enqueue(self, *, connection: object) -> Job[R_co] | Awaitable[Job[R_co]]:
        """Adds the job in a transaction of your own, with a store in the same PostgreSQL database.

        When the transaction commits, the job is there; when it rolls back, nothing is. Workers find
        it within a second, or at once after `SELECT laneway.wake()` behind the commit.

        Args:
            connection: A connection of psycopg, psycopg2, Django (`django.db.connection`) or
                SQLAlchemy (a session will do, too); of asyncpg, async psycopg or async SQLAlchemy,
                and then the answer is awaited.

        Raises:
            LanewayError: `LW1057` when the application's store is not in PostgreSQL.
        """
        from laneway import _transaction  # noqa: PLC0415 - not needed to import an app

        app = self.definition.app
        added = _transaction.add(app.store_client.enqueueing(self.new_job), connection)
        if isinstance(added, tuple):
            return app.job_of(self.definition, added[0], created=added[1])
        return self._job_soon(added)

    async def _job_soon(self, added: Awaitable[tuple[str, bool]]) -> Job[R_co]:
        job_id, created = await added
        return self.definition.app.job_of(self.definition, job_id, created=created)

    @override
    def __repr__(self) -> str:
        return f"<call of {self.definition.name}, {len(self.new_job[1])} bytes>"


class Sender(Generic[P, R]):
    """Makes jobs of one task: the task itself, or the task with other options."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._template: JobTemplate | None = None
        self._when: tuple[float | None, float | None] = (None, None)
        self._key: tuple[str, str] | None = None

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Stores a job that calls the task; when this returns, the job is not lost any more.

        Args:
            *args: As for the function.
            **kwargs: As for the function.
        """
        definition = self._definition
        store = definition.app.store_client
        [(job_id, created)] = await store.post_jobs([self._new_job(args, kwargs)])
        return definition.app.job_of(definition, job_id, created=created)

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """The blocking twin of `enqueue`, for code without an event loop.

        Args:
            *args: As for the function.
            **kwargs: As for the function.
        """
        definition = self._definition
        store = definition.app.store_client
        [(job_id, created)] = store.add_jobs([self._new_job(args, kwargs)])
        return definition.app.job_of(definition, job_id, created=created)

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Describes a call, to be enqueued together with many others.

        Args:
            *args: As for the function.
            **kwargs: As for the function.
        """
        return Call(self._definition, self._new_job(args, kwargs))

    def _new_job(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NewJob:
        definition = self._definition
        payload, unique = definition.binding.pack(args, kwargs)
        after, at = self._when
        template = self._template or definition.template
        return template, payload, after, at, self._key or unique


class BoundTask(Sender[P, R]):
    """A task with other options for its next jobs; made by `task.options(…)`."""

    def __init__(self, definition: Definition, options: EnqueueOptions) -> None:
        check_enqueue_options(options)
        super().__init__(definition)
        self._when = due(options)
        if "key" in options:
            self._key = ("kept", options["key"])
        if options.keys() - {"after", "at", "key"}:
            self._template = definition.settings.with_options(options).template(definition.name)

    @override
    def __repr__(self) -> str:
        return f"<task {self._definition.name} with options>"


class Task(Sender[P, R]):
    """A function that was registered with `@app.task`."""

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition)
        self._function = definition.function
        self.__name__ = definition.name
        functools.update_wrapper(cast("Callable[..., Any]", self), definition.function)

    @property
    def name(self) -> str:
        """The name under which workers know it."""
        return self._definition.name

    @property
    def lane(self) -> str:
        """Where it runs: `async`, `thread`, `process`, or `auto` when measurements decide."""
        return self._definition.settings.lane

    @property
    def queue(self) -> str:
        """The queue of its jobs."""
        return self._definition.settings.queue

    def options(self, **options: Unpack[EnqueueOptions]) -> BoundTask[P, R]:
        """The same task with other options for the jobs that are made from it.

        Args:
            **options: See `EnqueueOptions`: `after`, `at`, `priority`, `queue`, `key`, `retry`,
                `timeout`.

        Example:
            >>> from laneway import Laneway
            >>> app = Laneway()
            >>> @app.task
            ... def receipt(order_id: int) -> None: ...
            >>> later = receipt.options(after="15m", priority=3, key="r-42")
            >>> later
            <task laneway._task.receipt with options>
        """
        return BoundTask(self._definition, options)

    @override
    def __repr__(self) -> str:
        return f"<task {self.name}>"


class AsyncTask(Task[P, R]):
    """A task of an `async def`: it runs in the async lane."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Calls the function, here and now; nothing is enqueued.

        Args:
            *args: As for the function.
            **kwargs: As for the function.
        """
        return cast("Coroutine[Any, Any, R]", self._function(*args, **kwargs))


class SyncTask(Task[P, R]):
    """A task of a plain `def`: it runs in the process lane unless it names another one."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function, here and now; nothing is enqueued.

        Args:
            *args: As for the function.
            **kwargs: As for the function.
        """
        return cast("R", self._function(*args, **kwargs))
