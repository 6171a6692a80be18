"""The stub of the native half and the binary say the same, both ways, on every Python.

`make check` compares their types with stubtest; this needs no type checker and runs everywhere.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import laneway
from laneway import _bridge

if TYPE_CHECKING:
    from types import ModuleType

    Signature: TypeAlias = list[tuple[str, str, bool]]
    """Of each parameter its name, its kind, and whether it may be left out."""

SPECIAL = {"__new__"}


def stub() -> ast.Module:
    return ast.parse(Path(laneway.__file__).with_name("_native.pyi").read_text())


def binary() -> ModuleType:
    module = inspect.getmodule(_bridge.Client)
    assert module is not None
    return module


def is_public(name: str) -> bool:
    return not name.startswith("_") or name in SPECIAL


def stub_members(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    named: dict[str, ast.stmt] = {}
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            named[statement.name] = statement
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            named[statement.target.id] = statement
    return {name: statement for name, statement in named.items() if is_public(name)}


def stub_signature(function: ast.FunctionDef) -> Signature:
    args = function.args
    named = len(args.posonlyargs)
    first_default = named + len(args.args) - len(args.defaults)
    plain = [
        (
            arg.arg,
            "POSITIONAL_ONLY" if place < named else "POSITIONAL_OR_KEYWORD",
            place >= first_default,
        )
        for place, arg in enumerate(args.posonlyargs + args.args)
    ]
    keywords = [
        (arg.arg, "KEYWORD_ONLY", default is not None)
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    return [part for part in plain + keywords if part[0] not in {"self", "cls"}]


def binary_signature(function: object) -> Signature:
    assert callable(function)
    return [
        (name, parameter.kind.name, parameter.default is not inspect.Parameter.empty)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    ]


def test_both_have_the_same_names() -> None:
    names = {name for name in vars(binary()) if is_public(name)}
    assert set(stub_members(stub().body)) == names
    assert set(binary().__all__) == names


def test_classes_have_the_same_members() -> None:
    inherited = set(dir(Exception))
    for name, statement in stub_members(stub().body).items():
        if isinstance(statement, ast.ClassDef):
            cls: type = getattr(binary(), name)
            present = {member for member in vars(cls) if is_public(member)} - inherited
            assert set(stub_members(statement.body)) - SPECIAL == present - SPECIAL, name


def test_functions_take_the_same_parameters() -> None:
    compared = 0
    for name, statement in stub_members(stub().body).items():
        own = getattr(binary(), name)
        functions = {name: (statement, own)}
        if isinstance(statement, ast.ClassDef):
            members = stub_members(statement.body)
            functions = {
                f"{name}.{member}": (part, own if member in SPECIAL else getattr(own, member))
                for member, part in members.items()
            }
        for full_name, (part, function) in functions.items():
            if isinstance(part, ast.FunctionDef) and not part.decorator_list:
                assert stub_signature(part) == binary_signature(function), full_name
                compared += 1
    assert compared > 20
