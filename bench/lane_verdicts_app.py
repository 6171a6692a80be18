"""Every function of the labelled set as a task in every lane, each under a name of its own.

What is measured in one lane must not help the verdict on another: who asks for advice has run his
task in one lane only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any

from verdict_set import CASES, Case

from laneway import Laneway

LANES = ("async", "thread", "process")

app = Laneway()


def _on_loop(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The function called within an `async def`, as one finds it in applications."""

    @functools.wraps(function)
    async def body(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the function
        return function(*arguments, **named)

    return body


def _add(case: Case) -> None:
    app.task(name=f"{case.name}.async")(case.coroutine or _on_loop(case.function))
    app.task(name=f"{case.name}.thread", lane="thread")(case.function)
    app.task(name=f"{case.name}.process", lane="process")(case.function)


for each in CASES.values():
    _add(each)
