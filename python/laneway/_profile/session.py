"""What is measured in this process, under which names."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laneway._bridge import ProfileRecorder, Watchdog

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import CodeType

    from laneway._bridge import Account, RecordedTask

NAMES_MAX = 1_000
"""So many tasks and endpoints are told apart; what comes later is billed as `OTHERS`."""

ENDPOINT = 1
"""The key of the accounts of endpoints."""

OTHERS = "others"

NAME_BYTES_MAX = 200

_THRESHOLD_MS = "50"

_NOT_OF_THE_PROGRAM = (".run_asgi", ".shutdown_asyncgens", ".shutdown_default_executor")
"""The first is an application's request, which is billed by endpoint; the others are asyncio's."""


_CARRIERS = {"_run_coro": ("self", "_coro"), "_run_wrapped_task": ("coro", "")}
"""Functions of anyio in which it runs those of its tasks: a local variable, and an attribute of it,
that hold the coroutine that the program gave."""


def _carried(coroutine: Any, code: CodeType) -> Any:  # noqa: ANN401 - any coroutine
    """The coroutine that a task of anyio runs; any other one as it is."""
    if f"{os.sep}anyio{os.sep}" not in code.co_filename:
        return coroutine
    variable, attribute = _CARRIERS[code.co_name]
    carrier = getattr(coroutine.cr_frame, "f_locals", {}).get(variable)
    carried = getattr(carrier, attribute, None) if attribute else carrier
    return coroutine if carried is None else carried


class Session:
    """The measuring of one process, from its first event loop to its end."""

    def __init__(self) -> None:
        self.recorder = ProfileRecorder(os.environ["LANEWAY_PROFILE"], _interpreter())
        self.watchdog = Watchdog(
            float(os.environ.get("LANEWAY_PROFILE_THRESHOLD_MS", _THRESHOLD_MS))
        )
        self.unbilled: set[CodeType] = set()
        """The code of coroutines whose tasks have no account."""
        self._of_code: dict[CodeType, RecordedTask | None] = {}
        self._of_endpoint: dict[str, RecordedTask] = {}

    def account_for(self, coroutine: Coroutine[Any, Any, Any]) -> Account | None:
        """The account of a task; none where it is billed otherwise."""
        code: CodeType | None = getattr(coroutine, "cr_code", None)
        if code is not None and code.co_name in _CARRIERS:
            coroutine = _carried(coroutine, code)
            code = getattr(coroutine, "cr_code", None)
        if code is None:
            task = self._task_of(coroutine, code)
            return None if task is None else task.account()
        try:
            task = self._of_code[code]
        except KeyError:
            task = self._of_code[code] = self._task_of(coroutine, code)
        return None if task is None else task.account()

    def _task_of(
        self, coroutine: Coroutine[Any, Any, Any], code: CodeType | None
    ) -> RecordedTask | None:
        name = getattr(coroutine, "__qualname__", type(coroutine).__qualname__)
        if code is not None:
            if name.endswith(_NOT_OF_THE_PROGRAM):
                self.unbilled.add(code)
                return None
            name = f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})"
        return self._named(name, is_endpoint=False, known=len(self._of_code))

    def endpoint(self, name: str) -> RecordedTask:
        """What measures the requests of an endpoint."""
        task = self._of_endpoint.get(name)
        if task is None:
            task = self._named(name, is_endpoint=True, known=len(self._of_endpoint))
            if len(self._of_endpoint) < NAMES_MAX:
                self._of_endpoint[name] = task
        return task

    def _named(self, name: str, *, is_endpoint: bool, known: int) -> RecordedTask:
        if known >= NAMES_MAX:
            name = OTHERS
        return self.recorder.task(fit(name), is_endpoint=is_endpoint)


def fit(name: str) -> str:
    """A name without what a name may not have."""
    name = "".join(sign if sign.isprintable() else "?" for sign in name).strip()
    return name.encode()[:NAME_BYTES_MAX].decode(errors="ignore").strip() or "?"


def _interpreter() -> str:
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return f"{sys.implementation.cache_tag}{'' if has_gil else 't'}"


_here: Session | None = None


def session() -> Session:
    """The session of this process; the first call begins it."""
    global _here  # noqa: PLW0603 - there is one for each process
    if _here is None:
        _here = Session()
    return _here


def write() -> None:
    """Writes what is known; nothing where nothing was measured."""
    if _here is not None:
        try:
            _here.recorder.write()
        except OSError:
            # The command that asked for it is gone, and so is its folder.
            return


def _forget() -> None:
    """In a forked child: what the parent measures is not its own, and the threads are not here."""
    global _here  # noqa: PLW0603 - as above
    _here = None


atexit.register(write)
os.register_at_fork(after_in_child=_forget)
