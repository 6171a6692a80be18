"""Whether a task with `lane="auto"` may be moved between threads and processes, told from its code.

A thread shares with other attempts what a process has for itself, and a process has copies of what
threads share. So a function that keeps something outside of itself would behave otherwise after a
move. This looks at its bytecode and at that of the application's own functions that it names; what
libraries do is not looked at, so the scan finds what people write, not everything there is.
"""

from __future__ import annotations

import asyncio
import builtins
import collections
import contextvars
import dis
import enum
import inspect
import io
import signal
import socket
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

from laneway._runner.naming import codes, function_of, own_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from laneway._task import Definition

FUNCTIONS_MAX = 200
"""So many functions are looked at for one task; one that names more is not moved."""

_OF_THE_PROCESS = frozenset({
    "chdir", "fchdir", "chroot", "umask", "putenv", "unsetenv", "setlocale", "setrecursionlimit",
    "setswitchinterval", "setdefaulttimeout", "settrace", "setprofile", "fork", "tzset",
    "set_start_method", "setrlimit", "nice",
})  # fmt: skip
_OF_THE_THREAD = frozenset({
    "get_ident", "get_native_id", "current_thread", "main_thread", "get_running_loop",
    "get_event_loop", "set_event_loop",
})  # fmt: skip
_SIGNALS = frozenset({
    signal.signal, signal.alarm, signal.setitimer, signal.set_wakeup_fd, signal.pthread_sigmask,
})  # fmt: skip
_MUTATORS = frozenset({
    "append", "appendleft", "extend", "insert", "add", "update", "setdefault", "pop", "popitem",
    "popleft", "remove", "discard", "clear", "subtract",
})  # fmt: skip
_CONTAINERS = (dict, list, set, bytearray, collections.deque)
_LOCKS = (
    type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Semaphore,
    threading.Event, threading.Barrier,
)  # fmt: skip
_BOUND: tuple[tuple[tuple[type, ...], str], ...] = (
    ((threading.local,), "what belongs to a thread"),
    ((contextvars.ContextVar,), "a context variable"),
    (_LOCKS, "a lock, which guards nothing between processes"),
    ((socket.socket, io.IOBase), "an open file or socket"),
    ((types.GeneratorType, types.CoroutineType), "a generator"),
    ((asyncio.AbstractEventLoop,), "an event loop"),
)


def why_held(definition: Definition) -> str:
    """Why a task stays in the lane where it starts; empty when it may be moved.

    Args:
        definition: The task.
    """
    function = definition.function
    if not inspect.isfunction(function):
        return "it is no plain function"
    why = _why_not_importable(function)
    if why:
        return why
    is_declared_safe = definition.settings.thread_safe
    if is_declared_safe is False:
        return "it is declared with `thread_safe=False`"
    for parameter in definition.signature.parameters:
        if parameter.resource is not None and not is_declared_safe:
            return (
                f"it injects `{parameter.resource.name}`, which attempts in threads would share, "
                "and nobody has said that it may be used from several threads at once"
            )
    return _why_not_apart(function)


def cold_caches(definition: Definition) -> list[str]:
    """The caches that a task names; threads share one, and each process has its own.

    Args:
        definition: The task.
    """
    function = definition.function
    if not inspect.isfunction(function):
        return []
    names = [name for code in codes(function.__code__) for name in code.co_names]
    values = {name: function.__globals__.get(name) for name in names}
    return [name for name, value in values.items() if hasattr(value, "cache_info")]


def _why_not_importable(function: types.FunctionType) -> str:
    """Why its qualified name does not give the function itself."""
    if function.__name__ == "<lambda>":
        return "it is a lambda"
    if function.__closure__ is not None or "<locals>" in function.__qualname__:
        return "it is made by another function, whose variables it may hold"
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    if function_of(found) is not function:
        return f"`{function.__module__}.{function.__qualname__}` is something else"
    return ""


def _why_not_apart(function: types.FunctionType) -> str:
    """What it, or a function of the application that it names, keeps outside of itself."""
    for count, current in enumerate(own_functions(function)):
        if count == FUNCTIONS_MAX:
            return f"it names more than {FUNCTIONS_MAX} functions"
        defaults = [*(current.__defaults__ or ()), *(current.__kwdefaults__ or {}).values()]
        if any(isinstance(default, _CONTAINERS) for default in defaults):
            return f"`{current.__qualname__}` has a default that all its calls share"
        for code in codes(current.__code__):
            why = _Scan(current, code).why()
            if why:
                is_itself = current is function
                return (
                    f"it {why}" if is_itself else f"it names `{current.__qualname__}`, which {why}"
                )
    return ""


class _Scan:
    """A look at one code object."""

    def __init__(self, function: types.FunctionType, code: types.CodeType) -> None:
        self._globals = function.__globals__
        self._code = code
        self._steps = list(dis.get_instructions(code))

    def why(self) -> str:
        """What speaks against a move, as the rest of a sentence; empty when nothing does."""
        checks: tuple[Callable[[], str], ...] = (
            self._writes_globals,
            self._touches_its_process_or_thread,
            self._uses_something_bound,
            self._changes_shared_values,
            self._uses_objects_of_the_application,
        )
        return next((why for check in checks if (why := check())), "")

    def _writes_globals(self) -> str:
        for step in self._steps:
            if step.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}:
                return f"writes the global variable `{step.argval}`"
        return ""

    def _touches_its_process_or_thread(self) -> str:
        for name in self._code.co_names:
            if name in _OF_THE_PROCESS:
                return f"uses `{name}`, which changes the whole process"
            if name in _OF_THE_THREAD:
                return f"uses `{name}`, which asks where it runs"
        for path, value in self._named():
            if any(value is known for known in _SIGNALS):
                return f"uses `{path}`, and signals belong to the main thread of a process"
            if value is threading.local:
                return f"uses `{path}`: what belongs to a thread"
        if self._may_change_environment():
            return "may change `os.environ`, which belongs to the whole process"
        return ""

    def _may_change_environment(self) -> bool:
        """Whether `environ` is changed by a method, or its items may be what is stored to."""
        stores = any(step.opname in {"STORE_SUBSCR", "DELETE_SUBSCR"} for step in self._steps)
        for before, step in zip(self._steps, self._steps[1:], strict=False):
            if before.argval == "environ":
                is_method = step.opname in {"LOAD_ATTR", "LOAD_METHOD"}
                if step.argval in _MUTATORS if is_method else stores:
                    return True
        return False

    def _uses_something_bound(self) -> str:
        for path, value in self._named():
            for kinds, what in _BOUND:
                if isinstance(value, kinds):
                    return f"uses `{path}`: {what}"
            module = type(value).__module__.partition(".")[0]
            if module == "sqlite3":
                return f"uses `{path}`: a connection to a database"
        return ""

    def _uses_objects_of_the_application(self) -> str:
        """An object of a class of its own, or what such a class holds: methods may change it."""
        package = str(self._globals.get("__name__", "")).partition(".")[0]
        for before, step in zip(self._steps, self._steps[1:], strict=False):
            if before.opname not in {"LOAD_GLOBAL", "LOAD_NAME"}:
                continue
            name = str(before.argval)
            value = self._globals.get(name)
            of = value if isinstance(value, type) else type(value)
            if of.__module__.partition(".")[0] != package or issubclass(of, enum.Enum):
                continue
            if not isinstance(value, type):
                return f"uses `{name}`, an object that threads would share"
            if step.opname in {"LOAD_ATTR", "LOAD_METHOD"}:
                return f"uses `{name}.{step.argval}`, which threads would share"
        return ""

    def _changes_shared_values(self) -> str:
        names = set(self._code.co_names)
        opcodes = {step.opname for step in self._steps}
        changes = bool(names & _MUTATORS) or bool(opcodes & {"STORE_SUBSCR", "DELETE_SUBSCR"})
        for path, value in self._named():
            if changes and isinstance(value, _CONTAINERS):
                return f"may change the global `{path}`"
        return self._writes_attributes()

    def _writes_attributes(self) -> str:
        """An assignment to what was just loaded, or, as `+=` does it, to what has the attribute."""
        for before, step in zip(self._steps, self._steps[1:], strict=False):
            if step.opname not in {"STORE_ATTR", "DELETE_ATTR"}:
                continue
            attribute = str(step.argval)
            owners = [path for path, value in self._named() if hasattr(value, attribute)]
            owner = before.argval if before.opname == "LOAD_GLOBAL" else next(iter(owners), None)
            if owner is not None:
                return f"may write the attribute `{attribute}` of the global `{owner}`"
        return ""

    def _named(self) -> Iterator[tuple[str, Any]]:
        """The global values that it names, and what it takes from modules, each with its path."""
        path, value = "", None
        for step in self._steps:
            if step.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
                path, name = str(step.argval), str(step.argval)
                value = self._globals.get(name, getattr(builtins, name, None))
            elif step.opname in {"LOAD_ATTR", "LOAD_METHOD"} and inspect.ismodule(value):
                path = f"{path}.{step.argval}"
                value = getattr(value, str(step.argval), None)
            else:
                value = None
            if value is not None:
                yield path, value
