"""Opens resources at their first use, and closes them at the runner's end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import logging
from typing import TYPE_CHECKING, Any

from laneway._current import attempt_here
from laneway._signature import Signature
from laneway.errors import ResourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from laneway._resource import Resource

log = logging.getLogger("laneway")


class _Keeper:
    """Opens and closes one resource in one task, as context managers of async code demand it."""

    def __init__(self, resource: Resource[Any], opened: asyncio.Future[Any]) -> None:
        self.resource = resource
        self.opened = opened
        self.close = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Resources:
    """The resources of a runner.

    Args:
        in_threads: Whether blocking ones are opened in threads, so that the loop goes on.
    """

    def __init__(self, *, in_threads: bool) -> None:
        self._in_threads = in_threads
        self._values: dict[Resource[Any], Any] = {}
        self._keepers: dict[Resource[Any], _Keeper] = {}
        # In the order in which they were open: what a resource was opened with comes before it.
        self._opened: list[_Keeper] = []

    def opened(self, resources: list[Resource[Any]]) -> tuple[Any, ...] | None:
        """The values of resources, or `None` when not all are open; from any thread.

        Args:
            resources: Which.
        """
        values = self._values
        try:
            return tuple([values[resource] for resource in resources])
        except KeyError:
            return None

    async def open(self, resources: list[Resource[Any]]) -> tuple[Any, ...]:
        """Opens resources, unless they are open already.

        Args:
            resources: Which.
        """
        return tuple([await self._open_one(resource) for resource in resources])

    async def close(self) -> None:
        """Closes what was opened, the last first."""
        for keeper in reversed(self._opened):
            keeper.close.set()
            if keeper.task is not None:
                await asyncio.wait([keeper.task])

    async def _open_one(self, resource: Resource[Any]) -> Any:  # noqa: ANN401 - what it yields
        keeper = self._keepers.get(resource)
        if keeper is None:
            opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            keeper = self._keepers[resource] = _Keeper(resource, opened)
            keeper.task = asyncio.create_task(self._keep(keeper))
        # Shielded: other attempts wait for it, too, when this one is stopped.
        return await asyncio.shield(keeper.opened)

    async def _keep(self, keeper: _Keeper) -> None:
        resource = keeper.resource
        attempt_here.set(None)
        try:
            await self._open_and_close(keeper)
        except BaseException as error:
            if keeper.opened.done():
                log.exception("the resource `%s` cannot be closed", resource.name)
                return
            # The next attempt tries again.
            del self._keepers[resource]
            failed = ResourceFailed(
                "LW3011",
                f"the resource `{resource.name}` cannot be opened",
                f"{type(error).__name__}: {error}",
            )
            failed.__cause__ = error
            keeper.opened.set_exception(failed)
            # Whoever waited may have been stopped; the exception counts as seen all the same.
            keeper.opened.exception()

    async def _open_and_close(self, keeper: _Keeper) -> None:
        function = keeper.resource.function
        arguments: dict[str, Any] = {}
        for parameter in Signature(function).parameters:
            if parameter.resource is not None:
                arguments[parameter.name] = await self._open_one(parameter.resource)
        if inspect.isasyncgenfunction(function):
            generator = function(**arguments)
            self._is_open(keeper, await anext(generator))
            await keeper.close.wait()
            await anext(generator, None)
        elif inspect.iscoroutinefunction(function):
            self._is_open(keeper, await function(**arguments))
        else:
            await self._keep_blocking(keeper, arguments)

    async def _keep_blocking(self, keeper: _Keeper, arguments: dict[str, Any]) -> None:
        """Opens and closes a blocking resource in one thread, which some libraries insist on."""
        function = keeper.resource.function
        with concurrent.futures.ThreadPoolExecutor(1, "laneway-resource") as thread:

            async def call(blocking: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401
                if not self._in_threads:
                    return blocking(*args)
                return await asyncio.get_running_loop().run_in_executor(thread, blocking, *args)

            if not inspect.isgeneratorfunction(function):
                self._is_open(keeper, await call(lambda: function(**arguments)))
                return
            generator = function(**arguments)
            self._is_open(keeper, await call(_first, generator))
            await keeper.close.wait()
            await call(next, generator, None)

    def _is_open(self, keeper: _Keeper, value: object) -> None:
        self._values[keeper.resource] = value
        self._opened.append(keeper)
        keeper.opened.set_result(value)


def _first(generator: Iterator[Any]) -> Any:  # noqa: ANN401 - what it yields
    """What a generator yields first; a `StopIteration` cannot pass through a future."""
    for value in generator:
        return value
    raise RuntimeError("it yields nothing")


class BlockingResources:
    """The resources of a runner without a running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._resources = Resources(in_threads=False)

    def open(self, resources: list[Resource[Any]]) -> tuple[Any, ...]:
        """Opens resources, unless they are open already.

        Args:
            resources: Which.
        """
        opened = self._resources.opened(resources)
        if opened is None:
            opened = self._loop.run_until_complete(self._resources.open(resources))
        return opened

    def close(self) -> None:
        """Closes what was opened, the last first."""
        self._loop.run_until_complete(self._resources.close())
        self._loop.close()
