"""Values as MessagePack, by msgspec and the type hints.

msgspec itself knows the basic types, dates, `UUID`, `Decimal`, enums, dataclasses, `TypedDict`,
`NamedTuple` and its own `Struct`. The hooks here add paths, network addresses, `deque` and pydantic
models. Nothing is ever pickled: reading a value never runs code of its sender.
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


def type_name(kind: object) -> str:
    """The name of a type, with its module unless it is a built-in.

    Args:
        kind: A class, or anything that stands for one.
    """
    module = getattr(kind, "__module__", "builtins")
    name = getattr(kind, "__qualname__", None) or str(kind)
    return name if module == "builtins" else f"{module}.{name}"


def _encode_unknown(value: object) -> object:
    """Turns what msgspec does not know into what it knows."""
    if hasattr(value, "__fspath__"):
        return cast("Any", value).__fspath__()
    if _is_pydantic(type(value)):
        return cast("Any", value).model_dump(mode="json")
    module, name = type(value).__module__, type(value).__name__
    if module == "ipaddress":
        return str(value)
    if module == "collections" and name == "deque":
        return list(cast("Any", value))
    raise TypeError(f"a `{type_name(type(value))}` is no plain data")


def _decode_unknown(kind: Any, value: Any) -> Any:  # noqa: ANN401 - any hint, any value
    """Turns plain data into what a type hint asks for; `TypeError` when it cannot."""
    origin = get_origin(kind) or kind
    if not isinstance(origin, type):
        return value
    if _is_pydantic(origin):
        return cast("Any", origin).model_validate(value)
    if origin.__module__ in {"pathlib", "pathlib._local", "ipaddress", "collections"}:
        return origin(value)
    if hasattr(origin, "__fspath__") and isinstance(value, str):
        return origin(value) if origin.__module__ != "os" else value
    if isinstance(value, origin):
        return value
    raise TypeError(f"a `{type_name(origin)}` cannot be made from stored data")


def _is_pydantic(kind: type) -> bool:
    """Whether a class is a pydantic model; no value can be one while pydantic is not imported."""
    base = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    return base is not None and issubclass(kind, base)


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_unknown)
encode: Callable[[object], bytes] = _ENCODER.encode
"""Encodes a value; raises `TypeError`, `ValueError` or `OverflowError` when it cannot."""


def encode_readably(value: object) -> str:
    """Encodes a value as JSON whose text depends only on the value.

    Args:
        value: The value.
    """
    encoder = msgspec.json.Encoder(enc_hook=_encode_unknown, order="deterministic")
    return encoder.encode(value).decode()


def decoder(hint: Any) -> Callable[[bytes], Any]:  # noqa: ANN401 - any type hint
    """A function that decodes into what a type hint says.

    Args:
        hint: The hint. What msgspec refuses, such as a union of two classes, is tried part by part.
    """
    if is_decodable(hint):
        return msgspec.msgpack.Decoder(hint, dec_hook=_decode_unknown).decode
    convert = converter(hint)
    return lambda data: convert(msgspec.msgpack.decode(data))


def struct_decoder(kind: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    """A function that decodes arguments.

    Args:
        kind: The struct that has them as its fields.
    """
    return msgspec.msgpack.Decoder(kind, dec_hook=_decode_unknown).decode


def is_decodable(hint: Any) -> bool:  # noqa: ANN401 - any type hint
    """Whether msgspec can decode into a type hint.

    Args:
        hint: The hint.
    """
    try:
        msgspec.msgpack.Decoder(hint, dec_hook=_decode_unknown)
    except (TypeError, NameError):
        return False
    return True


def converter(hint: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any type hint
    """Converts plain data for a hint that msgspec refuses.

    A union takes the first of its types that accepts the value; anything else stays plain data.

    Args:
        hint: The hint.
    """
    if not is_union(hint):
        return lambda value: value
    members = [member for member in get_args(hint) if is_decodable(member)]

    def convert(value: Any) -> Any:  # noqa: ANN401 - any value
        for member in members:
            try:
                return msgspec.convert(value, member, dec_hook=_decode_unknown)
            except msgspec.ValidationError:
                continue
        raise msgspec.ValidationError(f"Expected `{hint}`, got `{type(value).__name__}`")

    return convert


def is_union(hint: Any) -> bool:  # noqa: ANN401 - any type hint
    """Whether a hint is `X | Y` or `Union[X, Y]`.

    Args:
        hint: The hint.
    """
    return get_origin(hint) in {Union, types.UnionType}
