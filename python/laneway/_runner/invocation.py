"""From stored bytes to a call: one function, compiled for each task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Optional, cast

import msgspec

from laneway import _codec
from laneway._runner.ends import ArgumentsUndecodable
from laneway._signature import KEYWORD_ONLY, MISSING, VAR_KEYWORD, VAR_POSITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from laneway._current import Attempt
    from laneway._resource import Resource
    from laneway._signature import Parameter, Signature
    from laneway._task import Definition


class Invocation:
    """A task, ready to be called with stored arguments."""

    __slots__ = ("_decode", "_invoke", "_signature", "name", "resources", "returns_much")

    def __init__(self, definition: Definition) -> None:
        self._signature = definition.signature
        self.name = definition.name
        self.resources: list[Resource[Any]] = [
            parameter.resource for parameter in self._signature.parameters if parameter.resource
        ]
        self.returns_much = False
        """Whether its last result was large; kept by whoever times only large ones."""
        self._decode: Callable[[bytes], Any] | None = None
        self._invoke: Callable[..., Any] | None = None

    def call(self, payload: bytes, resources: tuple[Any, ...] = ()) -> Any:  # noqa: ANN401
        """Calls the function; for a coroutine function this gives the coroutine.

        Args:
            payload: The stored arguments.
            resources: The open resources, in the order of `self.resources`.
        """
        arguments = self._arguments(payload)
        invoke = self._invoke or self._compile_invoke()
        return invoke(arguments, *resources)

    def call_for(
        self,
        attempt: Attempt,
        payload: bytes,
        resources: tuple[Any, ...] = (),
    ) -> Any:  # noqa: ANN401 - whatever the task returns
        """Calls the function, and notes on the attempt how long its arguments took to decode.

        Args:
            attempt: For which attempt.
            payload: The stored arguments.
            resources: The open resources, in the order of `self.resources`.
        """
        started_ns = time.perf_counter_ns()
        arguments = self._arguments(payload)
        invoke = self._invoke or self._compile_invoke()
        attempt.encode_ns = time.perf_counter_ns() - started_ns
        return invoke(arguments, *resources)

    def _arguments(self, payload: bytes) -> Any:  # noqa: ANN401 - a struct of its own
        # Compiled within the first attempt, so that what goes wrong here is the end of an attempt.
        decode = self._decode or self._compile_decode()
        try:
            return decode(payload)
        except msgspec.MsgspecError as error:
            what = f"the stored arguments no longer fit the task `{self.name}`"
            raise ArgumentsUndecodable("LW3005", what, str(error)) from None

    def _compile_decode(self) -> Callable[[bytes], Any]:
        self._decode = _codec.struct_decoder(_arguments_struct(self._signature))
        return self._decode

    def _compile_invoke(self) -> Callable[..., Any]:
        self._invoke = _compile_invoke(self._signature)
        return self._invoke


def _arguments_struct(signature: Signature) -> type[msgspec.Struct]:
    """The struct that a task's arguments are decoded into, typed by its hints.

    A key that the task has no parameter for is refused: dropping a value in silence would run the
    job with other arguments than were asked for.
    """
    fields: list[Any] = []
    names: dict[str, str] = {}
    for index, parameter in enumerate(signature.stored):
        field = f"p{index}"
        names[field] = parameter.stored_name
        hint = _field_hint(signature, parameter)
        if _default(parameter) is MISSING:
            fields.append((field, hint))
        else:
            fields.append((field, hint, msgspec.field(default=MISSING)))
    return msgspec.defstruct(
        "Arguments", fields, rename=names, kw_only=True, forbid_unknown_fields=True, gc=False
    )


def _field_hint(signature: Signature, parameter: Parameter) -> Any:  # noqa: ANN401 - any type hint
    hint = _optional_hint(signature, parameter)
    if not _codec.is_decodable(hint):
        return Any
    if parameter.kind is VAR_POSITIONAL:
        return list.__class_getitem__(hint)
    if parameter.kind is VAR_KEYWORD:
        return dict.__class_getitem__((str, hint))
    return hint


def _optional_hint(signature: Signature, parameter: Parameter) -> Any:  # noqa: ANN401 - as above
    hint = signature.hint(parameter.name)
    # `size: int = None` is seen in the wild, and `None` is what its callers pass.
    return Optional[hint] if parameter.default is None else hint  # noqa: UP045 - a value


def _default(parameter: Parameter) -> Any:  # noqa: ANN401 - any value
    """The value of a parameter that no argument was stored for."""
    if parameter.kind is VAR_POSITIONAL:
        return ()
    return {} if parameter.kind is VAR_KEYWORD else parameter.default


def _compile_invoke(signature: Signature) -> Callable[..., Any]:
    """Compiles a function that takes the decoded struct and the resources, and calls the task."""
    scope: dict[str, Any] = {"_function": signature.function, "_missing": MISSING}
    arguments: list[str] = []
    stored = resources = 0
    for parameter in signature.parameters:
        if parameter.resource is not None:
            value = f"r{resources}"
            resources += 1
        else:
            value = _value_source(signature, parameter, stored, scope)
            stored += 1
        arguments.append(_argument_source(parameter, value))
    parameters = ", ".join(["a", *(f"r{index}" for index in range(resources))])
    source = f"def invoke({parameters}):\n return _function({', '.join(arguments)})"
    # The source consists of numbered names and of the function's own parameter names.
    exec(compile(source, "<laneway invoke>", "exec"), scope)  # noqa: S102
    return cast("Callable[..., Any]", scope["invoke"])


def _value_source(
    signature: Signature, parameter: Parameter, index: int, scope: dict[str, Any]
) -> str:
    value = f"a.p{index}"
    converted = value
    hint = _optional_hint(signature, parameter)
    if _codec.is_union(hint) and not _codec.is_decodable(hint):
        scope[f"_convert{index}"] = _codec.converter(hint)
        converted = f"_convert{index}({value})"
        if parameter.kind is VAR_POSITIONAL:
            converted = f"[_convert{index}(each) for each in {value}]"
        elif parameter.kind is VAR_KEYWORD:
            converted = f"{{key: _convert{index}(each) for key, each in {value}.items()}}"
    default = _default(parameter)
    if default is MISSING:
        return converted
    scope[f"_default{index}"] = default
    return f"({converted} if {value} is not _missing else _default{index})"


def _argument_source(parameter: Parameter, value: str) -> str:
    if parameter.kind is VAR_POSITIONAL:
        return f"*{value}"
    if parameter.kind is VAR_KEYWORD:
        return f"**{value}"
    return f"{parameter.name}={value}" if parameter.kind is KEYWORD_ONLY else value
