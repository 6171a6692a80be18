"""What can be told of a task from its code, without running it."""

from __future__ import annotations

import dis
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

_AWAITS = frozenset({"GET_AWAITABLE", "GET_AITER", "GET_ANEXT", "BEFORE_ASYNC_WITH"})


def awaits_something(function: Callable[..., Any]) -> bool | None:
    """Whether a function has an `await`, an `async for` or an `async with`.

    Args:
        function: The function of a task.

    Returns:
        `None` where its code cannot be seen, as that of a callable object in C.
    """
    function = inspect.unwrap(function)
    if not inspect.isroutine(function):
        function = type(function).__call__
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        return None
    return any(step.opname in _AWAITS for step in dis.get_instructions(code))
