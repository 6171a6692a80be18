"""The parameters of a task: which are stored, which are injected, and what types they have."""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any, get_type_hints

from laneway._resource import Injected, Resource

if TYPE_CHECKING:
    from collections.abc import Callable

POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
POSITIONAL_OR_KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD
VAR_POSITIONAL = inspect.Parameter.VAR_POSITIONAL
KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD

MISSING: Any = object()
"""Stands for a default that is not there, and for a value that was not given."""


class Parameter:
    """A parameter of a task."""

    __slots__ = ("default", "kind", "name", "resource")

    def __init__(self, parameter: inspect.Parameter) -> None:
        self.name: str = parameter.name
        self.kind = parameter.kind
        default: object = parameter.default
        self.resource: Resource[Any] | None = None
        if isinstance(default, Injected):
            self.resource = default.resource
        self.default: Any = MISSING if default is inspect.Parameter.empty else default

    @property
    def stored_name(self) -> str:
        """The key of its value in the stored arguments."""
        if self.kind is VAR_POSITIONAL:
            return f"*{self.name}"
        return f"**{self.name}" if self.kind is VAR_KEYWORD else self.name


class Signature:
    """The parameters of a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        parameters = inspect.signature(function).parameters.values()
        self.parameters = [Parameter(parameter) for parameter in parameters]

    @property
    def stored(self) -> list[Parameter]:
        """The parameters whose values travel with a job."""
        return [parameter for parameter in self.parameters if parameter.resource is None]

    @functools.cached_property
    def hints(self) -> dict[str, Any]:
        """The type hints by name; `Any` for one that cannot be resolved here."""
        return type_hints(self.function)

    def hint(self, name: str) -> Any:  # noqa: ANN401 - any type hint
        """The type hint of a parameter, or of `return`; `Any` when there is none.

        Args:
            name: The parameter's name.
        """
        hint = self.hints.get(name, Any)
        # Types of a `ParamSpec` or of unpacked keywords say nothing about one value.
        is_plain = hint is not object and not getattr(hint, "__unpacked__", False)
        return hint if is_plain and type(hint).__name__ not in _NOT_OF_ONE_VALUE else Any


_NOT_OF_ONE_VALUE = {"ParamSpecArgs", "ParamSpecKwargs", "_UnpackGenericAlias", "TypeVar"}


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The type hints of a function, each resolved on its own if not all can be.

    Args:
        function: The function. Names that exist only for type checkers cannot be resolved.
    """
    function = inspect.unwrap(function)
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation is any expression, so it may raise anything
        return dict(_hints_one_by_one(function))


def _hints_one_by_one(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    namespace = getattr(function, "__globals__", {})
    found: list[tuple[str, Any]] = []
    for name, annotation in getattr(function, "__annotations__", {}).items():
        holder = types.SimpleNamespace(__annotations__={name: annotation})
        try:
            hints = get_type_hints(holder, namespace, include_extras=True)
        except Exception:  # noqa: BLE001 - as above; this one counts as unknown
            hints = {name: Any}
        found.extend(hints.items())
    return found
