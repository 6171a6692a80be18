"""What can be told of a task from its code, without running it."""

from __future__ import annotations

import dis
import inspect
import itertools
from typing import TYPE_CHECKING, Any

from laneway._runner.naming import dotted_names, own_functions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

FUNCTIONS_MAX = 200
"""So many functions of the application are looked at for one task."""


_AWAITS = frozenset({"GET_AWAITABLE", "GET_AITER", "GET_ANEXT", "BEFORE_ASYNC_WITH"})


def awaits_something(function: Callable[..., Any]) -> bool | None:
    """Whether a function has an `await`, an `async for` or an `async with`.

    Args:
        function: The function of a task.

    Returns:
        `None` where its code cannot be seen, as that of a callable object in C, and where only a
        wrapper around it awaits: what that waits for, it may wait for in each call.
    """
    seen: list[Any] = []

    def is_last(layer: Any) -> bool:  # noqa: ANN401 - a decorator may give anything
        seen.append(layer)
        return False

    # It asks about each layer but the innermost one, the outermost first.
    own = _has_await(inspect.unwrap(function, stop=is_last))
    if own is False and any(_has_await(layer) is not False for layer in seen):
        return None
    return own


def _has_await(function: Any) -> bool | None:  # noqa: ANN401 - a decorator may give anything
    if not inspect.isroutine(function):
        function = type(function).__call__
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        return None
    return any(step.opname in _AWAITS for step in dis.get_instructions(code))


def library_names(function: Callable[..., Any]) -> list[str]:
    """What a task and the functions of its application that it names take from elsewhere.

    Args:
        function: The function of a task.
    """
    function = inspect.unwrap(function)
    if not inspect.isfunction(function):
        return []
    looked_at = itertools.islice(own_functions(function), FUNCTIONS_MAX)
    names = {name for own in looked_at for name in dotted_names(own)}
    # All that are known are of ASCII, and what a class calls its module may be no text at all.
    return sorted(name for name in names if name.isascii())
