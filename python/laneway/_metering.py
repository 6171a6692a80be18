"""Where the time of tasks goes: billing coroutines and the tasks that they start.

The measuring itself is native (`laneway._native.Meter`); this module attaches it to an event loop.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar, cast

from laneway._bridge import Meter, metered_child

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeAlias

    from laneway._bridge import Account

    AnyCoroutine: TypeAlias = Coroutine[Any, Any, Any]
    AccountFor: TypeAlias = Callable[[AnyCoroutine], Account | None]

_Result = TypeVar("_Result")

TASK_NEEDS_A_REAL_COROUTINE = sys.version_info >= (3, 14)
"""Whether tools read a task's coroutine from outside without asking what it is."""


def metered(
    coroutine: Coroutine[Any, Any, _Result], account: Account
) -> Coroutine[Any, Any, _Result]:
    """A coroutine that does what `coroutine` does and bills its steps, fit for a task.

    To await it in a coroutine instead, `Meter(coroutine, account)` is enough.

    Args:
        coroutine: What is billed.
        account: To whom; the tasks that it starts are billed there, too.
    """
    meter = Meter(coroutine, account)
    return _fit_for_a_task(meter) if TASK_NEEDS_A_REAL_COROUTINE else meter


def _fit_for_a_task(meter: Coroutine[Any, Any, _Result]) -> Coroutine[Any, Any, _Result]:
    async def awaited() -> _Result:
        return await meter

    outer = awaited()
    # Those of a coroutine can be set, which its type does not say.
    named = cast("Any", outer)
    named.__name__ = getattr(meter, "__name__", named.__name__)
    named.__qualname__ = getattr(meter, "__qualname__", named.__qualname__)
    return outer


def constructor_cell(factory: object) -> Any:  # noqa: ANN401 - a cell, or nothing
    """Where an eager task factory keeps what makes its tasks; `None` of any other factory.

    Programs know these factories by their code, and call what makes the tasks themselves: anyio
    does. So such a factory is never wrapped; what makes its tasks is.

    Args:
        factory: A task factory.
    """
    eager: Any = getattr(asyncio, "eager_task_factory", None)
    if eager is None or getattr(factory, "__code__", None) is not eager.__code__:
        return None
    return cast("Any", factory).__closure__[0]


def install(
    loop: asyncio.AbstractEventLoop, account_for: AccountFor | None = None
) -> Callable[[], None]:
    """Bills the tasks that billed tasks start on a loop to the accounts of those that start them.

    Args:
        loop: Any event loop with task factories; the factory it has stays in use.
        account_for: Gives the account of a task that no billed task has started, if any.

    Returns:
        What gives the loop its own factory back. Tasks that run go on being billed.
    """
    replaced = cast("Callable[..., Any] | None", loop.get_task_factory())
    loop.set_task_factory(cast("Any", _billing(replaced, account_for)))
    return lambda: loop.set_task_factory(cast("Any", replaced))


def keep_installed(loop: asyncio.AbstractEventLoop) -> None:
    """Bills as `install` does, also past the task factories that the program sets from now on.

    The program is told of its own factories, and never of ours.

    Args:
        loop: Any event loop with task factories.
    """
    set_factory = cast("Callable[[Any], None]", loop.set_task_factory)
    chosen = cast("Callable[..., Any] | None", loop.get_task_factory())

    def set_task_factory(factory: Callable[..., Any] | None) -> None:
        nonlocal chosen
        if factory is None:
            set_factory(_factory(_start_task, None))
        elif not callable(cast("object", factory)):
            # It is refused by the loop, in its own words.
            set_factory(factory)
        elif (cell := constructor_cell(factory)) is not None:
            # A program that is told of it may call what makes its tasks, past any factory of ours.
            if cell.cell_contents not in _constructors:
                cell.cell_contents = _billing_constructor(cell.cell_contents, None)
            set_factory(_as_it_takes(factory))
        else:
            set_factory(_factory(_as_it_takes(factory), None))
        chosen = factory

    set_task_factory(chosen)
    own = cast("Any", loop)
    own.set_task_factory = set_task_factory
    own.get_task_factory = lambda: chosen


def _as_it_takes(factory: Callable[..., Any]) -> Callable[..., Any]:
    """A call of a factory without what nobody has asked for.

    uvloop passes `eager_start=None` on, which the eager factories of Python before 3.13.3 refuse.
    """

    def start(
        loop: asyncio.AbstractEventLoop,
        coroutine: AnyCoroutine,
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - a task
        if "eager_start" in options and options["eager_start"] is None:
            del options["eager_start"]
        return factory(loop, coroutine, **options)

    return start


def _billing(
    replaced: Callable[..., Any] | None, account_for: AccountFor | None
) -> Callable[..., Any]:
    cell = constructor_cell(replaced)
    if cell is None:
        return _factory(replaced or _start_task, account_for)
    if replaced is not None and account_for is None and cell.cell_contents in _constructors:
        return replaced
    # There is a cell, so this Python has eager tasks.
    eager: Any = asyncio
    constructor = _billing_constructor(cell.cell_contents, account_for)
    return cast("Callable[..., Any]", eager.create_eager_task_factory(constructor))


_constructors: set[Any] = set()
"""What makes tasks in place of what eager factories had."""


def _billing_constructor(
    construct: Callable[..., Any], account_for: AccountFor | None
) -> Callable[..., Any]:
    """What makes the tasks of an eager factory, and bills them."""

    def start(
        _loop: object,
        coroutine: AnyCoroutine,
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - a task
        return construct(coroutine, **options)

    bill = _factory(start, account_for)

    def constructed(coroutine: AnyCoroutine, **options: Any) -> Any:  # noqa: ANN401 - a task
        return bill(None, coroutine, **options)

    _constructors.add(constructed)
    return constructed


def _start_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: AnyCoroutine,
    **options: Any,  # noqa: ANN401 - whatever this Python's loops pass
) -> asyncio.Task[Any]:
    return asyncio.Task(coroutine, loop=loop, **options)


def _factory(start: Callable[..., Any], account_for: AccountFor | None) -> Callable[..., Any]:
    """A function and no object, since a call of it is a good part of its price."""

    def metered_task(
        loop: asyncio.AbstractEventLoop,
        coroutine: AnyCoroutine,
        /,
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - whatever the factory before makes
        child = metered_child(coroutine)
        if child is not coroutine:
            if TASK_NEEDS_A_REAL_COROUTINE:
                child = _fit_for_a_task(child)
        elif account_for is not None and asyncio.iscoroutine(coroutine):
            account = None if isinstance(coroutine, Meter) else account_for(coroutine)
            if account is not None:
                child = metered(coroutine, account)
        return start(loop, child, **options)

    return metered_task
