"""What a case is, and where all of them are listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Case:
    """A function with its arguments."""

    name: str
    subject: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    coroutine: Callable[..., Coroutine[Any, Any, Any]] | None
    """How one writes the same for an event loop; without it, the function is called on the loop."""


CASES: dict[str, Case] = {}


def case(
    *arguments: Any,  # noqa: ANN401 - whatever the function takes
    coroutine: Callable[..., Coroutine[Any, Any, Any]] | None = None,
) -> Callable[[F], F]:
    """Lists a function.

    Args:
        arguments: What it is called with.
        coroutine: Its twin that awaits instead of blocking.
    """

    def listed(function: F) -> F:
        subject = function.__module__.rpartition(".")[2]
        name = function.__name__
        CASES[name] = Case(name, subject, function, arguments, coroutine)
        return function

    return listed


def folder() -> Path:
    """Where files of the cases are; made by the driver for each run."""
    return Path(os.environ["LANEWAY_BENCH_FOLDER"])
