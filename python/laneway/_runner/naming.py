"""What the code of a function names: its own functions, and what it takes from libraries."""

from __future__ import annotations

import builtins
import dis
import inspect
import types
from typing import TYPE_CHECKING, Any

from laneway._task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator


_MEMBERS: Any = vars(types.ModuleType)["__dict__"]
"""What reads a module's names past whatever its class makes of them."""


def own_functions(function: types.FunctionType) -> Iterator[types.FunctionType]:
    """A function, and those of the same package that it names, in turn; itself is the first.

    Args:
        function: Where to begin.
    """
    package = _package_of(function)
    seen = {function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        yield current
        for code in codes(current.__code__):
            for name in code.co_names:
                named = function_of(current.__globals__.get(name))
                if type(named) is not types.FunctionType or named in seen:
                    continue
                if _package_of(named) == package:
                    seen.add(named)
                    waiting.append(named)


def _package_of(function: types.FunctionType) -> str:
    # What `exec` made may have no module.
    return str(function.__module__).partition(".")[0]


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those of the functions and comprehensions within.

    Args:
        code: The outermost one.
    """
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def function_of(value: Any) -> object:  # noqa: ANN401 - whatever a name stands for
    """The function of a task, whose name in its module is that of the task.

    Args:
        value: A task, or anything else, which is given back.
    """
    # `isinstance` and `hasattr` would wake a proxy.
    return inspect.unwrap(value, stop=_is_no_task) if issubclass(type(value), Task) else value


def _is_no_task(value: object) -> bool:
    return not isinstance(value, Task)


def dotted_names(function: types.FunctionType) -> Iterator[str]:
    """What a function names of modules, as `requests.get`; of an object its class.

    Nothing is imported for it, and no attribute of an object is asked for: both may do something.

    Args:
        function: The function; what it calls is not looked at.
    """
    for code in codes(function.__code__):
        imported = ""
        value: Any = None
        for step in dis.get_instructions(code):
            name = str(step.argval)
            if step.opname == "IMPORT_NAME":
                imported, value = name, None
                yield name
            elif step.opname == "IMPORT_FROM":
                yield f"{imported}.{name}"
            elif step.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
                value = function.__globals__.get(name, vars(builtins).get(name))
                yield from _name_of(value)
            elif step.opname in {"LOAD_ATTR", "LOAD_METHOD"}:
                members = _members(value)
                value = members.get(name)
                if members:
                    yield f"{members.get('__name__')}.{name}"
                    yield from _name_of(value)
            else:
                value = None


def _members(value: object) -> dict[str, Any]:
    """What a module holds; nothing for what is none."""
    # `isinstance` believes a proxy, and `vars` asks a lazy module; both wake it.
    if not issubclass(type(value), types.ModuleType):
        return {}
    members: dict[str, Any] = _MEMBERS.__get__(value)
    return members


def _name_of(value: object) -> Iterator[str]:
    """Where a module, a function, a class or the class of an object comes from."""
    members = _members(value)
    if members:
        yield str(members.get("__name__"))
        return
    kinds = (types.FunctionType, types.BuiltinFunctionType, type)
    named: Any = value if issubclass(type(value), kinds) else type(value)
    module = named.__module__
    if type(module) is str:
        yield f"{module}.{named.__qualname__}"
