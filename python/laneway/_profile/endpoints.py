"""Bills the requests of an ASGI application by endpoint."""

from __future__ import annotations

import re
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from laneway._bridge import Meter
from laneway._profile.session import fit, session, write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
    from typing import TypeAlias

    from laneway._bridge import RecordedTask

    Scope: TypeAlias = MutableMapping[str, Any]
    Application: TypeAlias = Callable[[Scope, Any, Any], Awaitable[None]]

_NUMBER = re.compile(
    r"(?<=/)(?:\d+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{24,})(?=/|$)"
)
"""A part of a path that names one of many: a number, a UUID, a digest."""

_KNOWN_MAX = 4_096


class MeteredApplication:
    """An ASGI application that bills every request to its endpoint.

    An endpoint is the route where the framework tells it, else the path without its numbers.
    Frameworks tell it while the request runs, so a path is known from its first request on.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._routes: dict[str, str] = {}
        self._tasks: dict[tuple[str, str], RecordedTask] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the application has
        return getattr(self._application, name)

    def __call__(
        self,
        scope: Scope,
        receive: Any,  # noqa: ANN401 - as ASGI has it
        send: Any,  # noqa: ANN401 - as ASGI has it
    ) -> Awaitable[None]:
        """Runs the application for one connection."""
        # A path that was seen costs no frame and no expression: this is on the way of each request.
        task = self._tasks.get((scope.get("method", ""), scope.get("path", "")))
        if task is not None:
            running = self._application(scope, receive, send)
            if isinstance(running, CoroutineType):
                return Meter(cast("Coroutine[Any, Any, None]", running), task.account())
            return Meter(_wait_for(running), task.account())
        return self._call(scope, receive, send)

    async def _call(self, scope: Scope, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if scope["type"] not in {"http", "websocket"}:
            try:
                await self._application(scope, receive, send)
            finally:
                # A server may end itself by a signal next, and then nothing else is written.
                write()
            return
        method = scope.get("method", "WEBSOCKET")
        path = f"{method} {_NUMBER.sub('{}', scope.get('path', '')) or '/'}"
        known = self._routes.get(path)
        task = session().endpoint(known or path)
        try:
            await Meter(_wait_for(self._application(scope, receive, send)), task.account())
        finally:
            if known is None:
                self._learn(path, method, scope)
            elif len(self._tasks) < _KNOWN_MAX:
                self._tasks[scope.get("method", ""), scope.get("path", "")] = task

    def _learn(self, path: str, method: str, scope: Scope) -> None:
        route = getattr(scope.get("route"), "path", None)
        name = path
        if isinstance(route, str):
            name = f"{method} {scope.get('root_path', '')}{route}"
        if len(self._routes) < _KNOWN_MAX:
            self._routes[path] = name
        if name != path:
            session().recorder.rename(fit(path), fit(name))


async def _wait_for(running: Awaitable[None]) -> None:
    """A coroutine, whatever kind of awaitable the application gives."""
    await running


def hook_uvicorn() -> None:
    """Measures what uvicorn serves."""
    from uvicorn.config import Config  # noqa: PLC0415 - it is being imported, and optional

    config: Any = Config
    load = config.load

    def measured(self: Any) -> None:  # noqa: ANN401 - a configuration of uvicorn
        load(self)
        self.loaded_app = MeteredApplication(self.loaded_app)

    config.load = measured
