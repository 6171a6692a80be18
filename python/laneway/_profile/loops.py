"""Attaches the measuring to every event loop of this process."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from typing import TYPE_CHECKING, Any, cast

from laneway._bridge import Meter, account_here, metered_child
from laneway._metering import TASK_NEEDS_A_REAL_COROUTINE, constructor_cell, metered
from laneway._profile.endpoints import hook_uvicorn
from laneway._profile.session import ENDPOINT, session, write

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hook_asyncio", "hook_uvicorn", "hook_uvloop"]

_depth = threading.local()


def hook_asyncio() -> None:
    """Measures the loops that are asyncio's own or built on them."""
    _hook(asyncio.BaseEventLoop)


def hook_uvloop() -> None:
    """Measures the loops of uvloop."""
    import uvloop  # noqa: PLC0415 - it is being imported, and optional

    _hook(uvloop.Loop)


def _hook(loop_class: Any) -> None:  # noqa: ANN401 - a class to be changed
    create = loop_class.__init__
    set_factory = loop_class.set_task_factory
    get_factory = loop_class.get_task_factory

    @functools.wraps(create)
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401, N807 - a loop
        create(self, *arguments, **options)
        set_factory(self, _measuring(None))

    @functools.wraps(set_factory)
    def set_task_factory(self: Any, factory: Any) -> None:  # noqa: ANN401 - whatever it is given
        is_possible = factory is None or callable(factory)
        set_factory(self, _measuring(factory) if is_possible else factory)

    @functools.wraps(get_factory)
    def get_task_factory(self: Any) -> Any:  # noqa: ANN401 - what the program has set
        factory = get_factory(self)
        return getattr(factory, _OF_PROGRAM, factory)

    loop_class.__init__ = __init__
    loop_class.set_task_factory = set_task_factory
    loop_class.get_task_factory = get_task_factory
    for name in ("run_forever", "run_until_complete"):
        setattr(loop_class, name, _measured(getattr(loop_class, name)))


_OF_PROGRAM = "laneway_program_factory"
"""Where a factory of ours names the one that the program has set. Programs tell a factory by its
identity and by its code, so they never get to see ours."""

_constructors: set[Any] = set()
"""What makes tasks in place of what eager factories had."""


def _measuring(factory: Callable[..., Any] | None) -> Callable[..., Any]:
    """The factory that measures what `factory`, or by default the loop, starts."""
    cell = constructor_cell(factory)
    if factory is not None and cell is not None:
        if cell.cell_contents not in _constructors:
            cell.cell_contents = _constructor(cell.cell_contents)
        return factory
    measuring: Any = _factory(factory or _start_task)
    setattr(measuring, _OF_PROGRAM, factory)
    return cast("Callable[..., Any]", measuring)


def _constructor(construct: Callable[..., Any]) -> Callable[..., Any]:
    """What an eager factory makes its tasks by, measured."""

    def start_past(
        _loop: object,
        coroutine: Any,  # noqa: ANN401 - as a task takes them
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - a task
        return construct(coroutine, **options)

    start = _factory(start_past)

    def constructed(coroutine: Any, **options: Any) -> Any:  # noqa: ANN401 - as a task takes them
        return start(None, coroutine, **options)

    _constructors.add(constructed)
    return constructed


def _start_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Any,  # noqa: ANN401 - whatever a task accepts
    **options: Any,  # noqa: ANN401 - whatever this Python's loops pass
) -> asyncio.Task[Any]:
    return asyncio.Task(coroutine, loop=loop, **options)


def _factory(start: Callable[..., Any]) -> Callable[..., Any]:
    """A task that a request starts is billed to the request; every other one is on its own."""
    unbilled = session().unbilled

    def measured_task(
        loop: asyncio.AbstractEventLoop,
        coroutine: Any,  # noqa: ANN401 - as above
        /,
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - whatever the program's factory makes
        # The task of a request, one of many, is not billed itself: it takes the shortest way.
        if getattr(coroutine, "cr_code", None) in unbilled:
            return start(loop, coroutine, **options)
        here = account_here.get(None)
        if here is not None and here.key == ENDPOINT:
            child: Any = metered_child(coroutine)
            if TASK_NEEDS_A_REAL_COROUTINE and child is not coroutine:
                child = metered(coroutine, here)
            return start(loop, child, **options)
        if isinstance(coroutine, Meter) or not asyncio.iscoroutine(coroutine):
            return start(loop, coroutine, **options)
        own = cast("Any", coroutine)
        account = session().account_for(own)
        return start(loop, own if account is None else metered(own, account), **options)

    return measured_task


def _measured(run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(run)
    def measured(self: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as it was
        depth = getattr(_depth, "now", 0)
        if depth == 0:
            kind = self.__class__
            session().watchdog.start()
            session().recorder.enter_loop(f"{kind.__module__}.{kind.__qualname__}")
        _depth.now = depth + 1
        try:
            return run(self, *arguments, **options)
        finally:
            _depth.now = depth
            if depth == 0:
                session().recorder.leave_loop()
                write()

    return measured


def _forget() -> None:
    """In a forked child no loop runs, not even if the parent forked it in one."""
    _depth.now = 0


os.register_at_fork(after_in_child=_forget)
