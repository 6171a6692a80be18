"""The application: the registry of tasks and resources, and the way to its store."""

from __future__ import annotations

import functools
import os
import weakref
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

from laneway._options import Settings, is_async, task_settings
from laneway._override import override
from laneway._reference import identity_of, lasting_module_name, maker_of, reference_to
from laneway._resource import Resource
from laneway._task import AsyncTask, Definition, SyncTask, Task
from laneway.errors import SettingError, TaskOptionError

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterable,
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Iterable,
        Iterator,
        Mapping,
    )

    from typing_extensions import Unpack

    from laneway._batches import Enqueued
    from laneway._job import Job
    from laneway._options import TaskOptions
    from laneway._store_client import StoreClient
    from laneway._task import Call
    from laneway._worker import Worker, WorkerOptions

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Laneway:
    """An application: its tasks and resources, and the store of its jobs.

    Args:
        store: The store's URL, such as `sqlite:///jobs.db`. Without it, `LANEWAY_STORE`, then the
            configuration file, then a database in `.laneway` decide.
        name: What stores know the application by, wherever its code lies. It begins the names of
            the tasks, instead of the modules that they are written in.

    Example:
        >>> app = Laneway()
        >>> @app.task
        ... async def greet(name: str) -> str:
        ...     return f"hello {name}"
        >>> import asyncio
        >>> asyncio.run(greet("Ada"))
        'hello Ada'
        >>> async def enqueue() -> None:
        ...     job = await greet.enqueue("Ada")
        ...     print(await job.result(timeout=5))
    """

    def __init__(self, store: str | None = None, *, name: str | None = None) -> None:
        if store is not None and not isinstance(cast("object", store), str):
            raise SettingError("LW1021", f"`store={store!r}`", "a store is named by a URL")
        self.store: str | None = store
        self.name = name
        self._module = maker_of(self)
        self._tasks: dict[str, Task[..., Any]] = {}
        self._definitions: dict[str, Definition] = {}
        _applications.add(self)

    @property
    def tasks(self) -> Mapping[str, Task[..., Any]]:
        """The tasks by name."""
        return dict(self._tasks)

    @property
    def definitions(self) -> Mapping[str, Definition]:
        """What the tasks are, by name, in the order of the names; for runners."""
        return dict(sorted(self._definitions.items()))

    @property
    def reference(self) -> str:
        """The name by which `laneway worker` finds this application, such as `shop.tasks:app`."""
        return reference_to(self, self._module)

    def identity(self, reference: str) -> str:
        """What a store knows this application by, such as `shop` or `shop.tasks:app`; for runners.

        Args:
            reference: Where the runner found it, as a module.
        """
        return self.name or identity_of(self, self._module, reference)

    @overload
    def task(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def task(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...
    @overload
    def task(self, /, **options: Unpack[TaskOptions]) -> TaskDecorator: ...
    def task(self, function: Any = None, /, **options: Any) -> Any:
        """Registers a function as a task; also `@app.task(…)` with options.

        An `async def` runs in the async lane. A plain `def` runs in the process lane, or in the
        thread lane with `lane="thread"`, or where measurements say with `lane="auto"`. Calling the
        task calls the function.

        Args:
            function: The function.
            **options: See `TaskOptions`: `name`, `queue`, `lane`, `retry`, `timeout`, `grace`,
                `limit`, `priority`, `unique_by`, `on_interrupt`, `max_interrupts`, `thread_safe`.

        Raises:
            TaskOptionError: An option is not possible (LW1036), or another task has this name
                (LW1032).

        Example:
            >>> from laneway import Backoff, Laneway, Rate
            >>> app = Laneway(name="shop")
            >>> @app.task(queue="mail", retry=Backoff(6, first="2s"), limit=Rate("20/s"))
            ... def receipt(order_id: int, *, lang: str = "en") -> str:
            ...     return f"{order_id} in {lang}"
            >>> receipt(42)
            '42 in en'
            >>> receipt.name, receipt.queue, receipt.lane
            ('shop.receipt', 'mail', 'process')
        """
        decorator: Any = TaskDecorator(self, cast("TaskOptions", options))
        return decorator if function is None else decorator(function)

    @overload
    def resource(self, function: Callable[..., AsyncIterator[T]], /) -> Resource[T]: ...
    @overload
    def resource(self, function: Callable[..., Iterator[T]], /) -> Resource[T]: ...
    @overload
    def resource(self, function: Callable[..., Awaitable[T]], /) -> Resource[T]: ...
    @overload
    def resource(self, function: Callable[..., T], /) -> Resource[T]: ...
    def resource(self, function: Callable[..., Any], /) -> Resource[Any]:
        """Registers a function that opens what tasks share: a pool, a client, a model.

        A runner calls it once, when a task with `inject(…)` first needs it. A generator function is
        closed at the runner's end: what follows its `yield` runs then. A blocking one is opened in
        a thread, so it never stops the event loop; what it yields is used by several threads.

        Args:
            function: An `async` or plain function or generator function.

        Example:
            >>> from collections.abc import Iterator
            >>> app = Laneway()
            >>> @app.resource
            ... def numbers() -> Iterator[list[int]]:
            ...     opened = [1, 2, 3]
            ...     yield opened
            ...     opened.clear()
            >>> numbers
            <resource numbers>
        """
        return Resource(function, getattr(function, "__name__", repr(function)))

    async def enqueue_many(
        self, calls: Iterable[Call[R]] | AsyncIterable[Call[R]], *, ids: bool = True
    ) -> Enqueued[R]:
        """Stores any number of calls, as a stream: they are never all in memory.

        Args:
            calls: What `task.call(…)` gives, from any iterable or async iterable.
            ids: Whether to keep the jobs' ids; without them any number of jobs takes no memory.

        Example:
            >>> app = Laneway()
            >>> @app.task
            ... async def fetch(url: str) -> int:
            ...     return len(url)
            >>> async def enqueue(urls: list[str]) -> int:
            ...     jobs = await app.enqueue_many(fetch.call(url) for url in urls)
            ...     return jobs.created
        """
        from laneway import _batches  # noqa: PLC0415 - not needed to import an app

        return await _batches.enqueue_many(self, calls, keep_ids=ids)

    def delay_many(self, calls: Iterable[Call[R]], *, ids: bool = True) -> Enqueued[R]:
        """The blocking twin of `enqueue_many`, for code without an event loop.

        Args:
            calls: What `task.call(…)` gives.
            ids: Whether to keep the jobs' ids.
        """
        from laneway import _batches  # noqa: PLC0415 - not needed to import an app

        return _batches.delay_many(self, calls, keep_ids=ids)

    @overload
    def job(self, job_id: str) -> Job[Any]: ...
    @overload
    def job(self, job_id: str, returns: type[T]) -> Job[T]: ...
    def job(self, job_id: str, returns: Any = Any) -> Job[Any]:
        """A job whose id is known.

        Args:
            job_id: The id.
            returns: The type of its result; plain data by default.

        Example:
            >>> app = Laneway()
            >>> async def length(job_id: str) -> int:
            ...     return await app.job(job_id, int).result(timeout="1m")
        """
        from laneway import _codec  # noqa: PLC0415 - not needed to import an app
        from laneway._job import Job  # noqa: PLC0415 - not needed to import an app

        return Job(
            self.store_client, _codec.decoder(returns), job_id, created=False, is_known=False
        )

    def worker(self, **options: Unpack[WorkerOptions]) -> Worker:
        """A worker for this application, as long as an `async with` block.

        It is the same engine as `laneway worker`, in a process of its own, and ends with this
        process. For tests and for small services that bring their own worker.

        Args:
            **options: See `WorkerOptions`: `queues`, `concurrency_async`, `concurrency_thread`,
                `concurrency_process`, `drain_timeout`.

        Example:
            >>> app = Laneway()
            >>> async def main() -> None:
            ...     async with app.worker(concurrency_thread=4):
            ...         ...
        """
        from laneway._worker import Worker  # noqa: PLC0415 - not needed to import an app

        return Worker(self, options)

    def close(self) -> None:
        """Waits for what is under way and lets go of the store; a later use opens it again."""
        client = self.__dict__.pop("store_client", None)
        if client is not None:
            client.close()

    @functools.cached_property
    def store_client(self) -> StoreClient:
        """The store, opened at its first use; for the SDK itself."""
        from laneway._store_client import StoreClient  # noqa: PLC0415 - not needed to import an app

        return StoreClient(self.store)

    def job_of(self, definition: Definition, job_id: str, *, created: bool = True) -> Job[Any]:
        """A job of one of the tasks; for the SDK itself.

        Args:
            definition: The task.
            job_id: The id.
            created: Whether the job is new.
        """
        from laneway._job import Job  # noqa: PLC0415 - not needed to import an app

        return Job(self.store_client, definition.decode_result, job_id, created=created)

    def register(self, definition: Definition, task: Task[..., Any]) -> None:
        """Adds a task.

        Args:
            definition: What it is.
            task: What the author of the application uses.
        """
        known = self._definitions.get(definition.name)
        if known is not None and not _is_same_code(known.function, definition.function):
            raise TaskOptionError(
                "LW1032",
                f"two tasks have the name `{definition.name}`",
                f"one is {_place(known.function)}, the other {_place(definition.function)}",
                '`@app.task(name="…")` gives one of them another name',
            )
        self._definitions[definition.name] = definition
        self._tasks[definition.name] = task

    @override
    def __repr__(self) -> str:
        return f"<Laneway {self.name or self._module}: {len(self._tasks)} tasks>"


class TaskDecorator:
    """What `@app.task(…)` with options gives: it makes a task of a function."""

    def __init__(self, app: Laneway, options: TaskOptions) -> None:
        self._app = app
        self._options = options

    @overload
    def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...
    def __call__(self, function: Callable[..., Any], /) -> Task[..., Any]:
        """Registers a function.

        Args:
            function: The function.
        """
        if isinstance(function, Task) or not callable(cast("object", function)):
            why = "it is a task already" if isinstance(function, Task) else "it cannot be called"
            raise TaskOptionError("LW1036", f"`{function!r}` cannot become a task", why)
        name = self._options.get("name")
        name = _default_name(self._app, function) if name is None else name
        settings: Settings = task_settings(name, function, self._options)
        definition = Definition(self._app, function, name, settings)
        task: Task[..., Any]
        task = AsyncTask(definition) if is_async(function) else SyncTask(definition)
        self._app.register(definition, task)
        return task


_applications: weakref.WeakSet[Laneway] = weakref.WeakSet()


def _forget_stores() -> None:
    """A forked process has none of the threads that serve an open store: it opens its own."""
    for app in _applications:
        app.__dict__.pop("store_client", None)


os.register_at_fork(after_in_child=_forget_stores)


def _default_name(app: Laneway, function: Callable[..., Any]) -> str:
    qualname = getattr(function, "__qualname__", None) or type(function).__qualname__
    module = app.name or lasting_module_name(getattr(function, "__module__", "__main__"))
    return f"{module}.{qualname.replace('<locals>.', '')}"


def _is_same_code(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Whether a function replaces itself: its module was loaded again, or it was typed again."""
    one_code, other_code = getattr(one, "__code__", None), getattr(other, "__code__", None)
    if one_code is None or other_code is None:
        return one is other
    if one_code.co_filename.startswith("<") and other_code.co_filename.startswith("<"):
        return True
    place = (one_code.co_filename, one_code.co_firstlineno)
    return place == (other_code.co_filename, other_code.co_firstlineno)


def _place(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    return repr(function) if code is None else f"`{code.co_filename}:{code.co_firstlineno}`"
