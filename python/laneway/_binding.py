"""From a call to stored bytes: one function, compiled for each task.

`inspect.Signature.bind` takes many times as long as encoding the values. So a function with the
task's own parameters is compiled once; Python itself then checks each call, with its own words.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

import msgspec

from laneway import _codec
from laneway._signature import (
    KEYWORD_ONLY,
    MISSING,
    POSITIONAL_ONLY,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    Parameter,
    Signature,
)
from laneway.errors import ArgumentsMismatch, PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable

UNIQUE_TEXT_MAX = 200
"""The longest unique key that is kept readable; a longer one becomes its hash."""

_UNSET = "_laneway_unset"
_STRUCT = "_laneway_arguments"


class Binding:
    """Checks and encodes the arguments of one task."""

    __slots__ = ("_bind", "_stored", "_task", "_unique_by")

    def __init__(self, task: str, signature: Signature, unique_by: tuple[str, ...]) -> None:
        self._task = task
        self._stored = signature.stored
        self._bind = compile_bind(signature)
        self._unique_by = [
            (index, parameter)
            for name in unique_by
            for index, parameter in enumerate(self._stored)
            if parameter.name == name
        ]

    def pack(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[bytes, tuple[str, str] | None]:
        """Encodes the arguments of a call.

        Args:
            args: The positional ones.
            kwargs: The others.

        Returns:
            The encoded arguments and, for a task with `unique_by`, the scope and text of its key.
        """
        try:
            arguments = self._bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentsMismatch(
                "LW3002", f"the arguments do not fit the task `{self._task}`", str(error)
            ) from None
        try:
            payload = _codec.encode(arguments)
        except Exception as error:
            raise self._unencodable(arguments) from error
        if not self._unique_by:
            return payload, None
        return payload, ("unfinished", self._unique_text(arguments))

    def _unencodable(self, arguments: msgspec.Struct) -> PayloadError:
        """Finds the argument that could not be encoded."""
        for parameter, value in zip(self._stored, msgspec.structs.astuple(arguments), strict=True):
            try:
                _codec.encode(value)
            except Exception as error:  # noqa: BLE001 - a property or hook may raise anything
                kind = _codec.type_name(cast("object", type(value)))
                return PayloadError(
                    "LW3001",
                    f"the argument `{parameter.name}` of `{self._task}` cannot be stored",
                    f"it is a `{kind}`: {error}",
                )
        return PayloadError("LW3001", f"the arguments of `{self._task}` cannot be stored")

    def _unique_text(self, arguments: msgspec.Struct) -> str:
        values = msgspec.structs.astuple(arguments)
        parts: list[str] = []
        for index, parameter in self._unique_by:
            value = values[index]
            value = parameter.default if value is msgspec.UNSET else value
            parts.append(f"{parameter.name}={_codec.encode_readably(value)}")
        text = ",".join(parts)
        if len(text) <= UNIQUE_TEXT_MAX:
            return text
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def compile_bind(signature: Signature) -> Callable[..., msgspec.Struct]:
    """Compiles a function that has a task's stored parameters and returns them as a struct.

    Args:
        signature: The task's signature.
    """
    stored = signature.stored
    fields = [(f"p{index}", Any, msgspec.UNSET) for index in range(len(stored))]
    names = {f"p{index}": parameter.stored_name for index, parameter in enumerate(stored)}
    struct = msgspec.defstruct("Arguments", fields, rename=names, gc=False)
    values = ", ".join(_value(parameter) for parameter in stored)
    source = f"def bind({_parameter_list(signature)}):\n return {_STRUCT}({values})"
    scope: dict[str, Any] = {_UNSET: msgspec.UNSET, _STRUCT: struct}
    # The source consists of the function's own parameter names, which Python has accepted before.
    exec(compile(source, "<laneway binding>", "exec"), scope)  # noqa: S102
    bind = cast("Callable[..., msgspec.Struct]", scope["bind"])
    bind.__qualname__ = getattr(signature.function, "__qualname__", "task")
    return bind


def _value(parameter: Parameter) -> str:
    if parameter.kind in {VAR_POSITIONAL, VAR_KEYWORD}:
        return f"{parameter.name} or {_UNSET}"
    return parameter.name


def _parameter_list(signature: Signature) -> str:
    """The parameters as source, without the injected ones.

    What follows an injected parameter can be given by its name only: its position is not free.
    """
    parts: list[str] = []
    is_by_name = False
    last_positional_only = 0
    for parameter in signature.parameters:
        if parameter.resource is not None:
            wants_names = parameter.kind is not KEYWORD_ONLY
        else:
            wants_names = parameter.kind is KEYWORD_ONLY
        if wants_names and not is_by_name and parameter.kind is not VAR_KEYWORD:
            is_by_name = True
            parts.append("*")
        if parameter.resource is None:
            is_by_name = is_by_name or parameter.kind is VAR_POSITIONAL
            parts.append(_declaration(parameter))
        if parameter.kind is POSITIONAL_ONLY and parameter.resource is None:
            last_positional_only = len(parts)
    if last_positional_only:
        parts.insert(last_positional_only, "/")
    return ", ".join(_without_bare_star(parts))


def _declaration(parameter: Parameter) -> str:
    if parameter.kind is VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is VAR_KEYWORD:
        return f"**{parameter.name}"
    return parameter.name if parameter.default is MISSING else f"{parameter.name}={_UNSET}"


def _without_bare_star(parts: list[str]) -> list[str]:
    """Drops a `*` that no named parameter follows, which Python does not accept."""
    if "*" in parts:
        place = parts.index("*")
        following = parts[place + 1 :]
        if not following or following[0].startswith("**"):
            return parts[:place] + following
    return parts
