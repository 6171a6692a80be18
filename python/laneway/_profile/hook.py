"""Runs when a Python starts that `laneway profile` has started, before the program.

The command writes it to a folder of its own, as `sitecustomize.py`; nothing imports it from here.
That folder is the first of the import path then. It takes itself away from there, lets the
`sitecustomize` of the environment run, and has the event loops measured as soon as the program
imports `asyncio`. It imports nothing of Laneway until then, and touches nothing that the program
could notice.
"""

# ruff: noqa: PTH100, PTH118, PTH120, PTH123 - `pathlib` is not imported for every program.

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from typing_extensions import override as _override
else:

    def _override(function):  # noqa: ANN001, ANN202 - as above, for types only
        return function


_HOOKED = {
    "asyncio": "hook_asyncio",
    "uvloop": "hook_uvloop",
    "uvicorn.config": "hook_uvicorn",
}
"""Modules after whose import something is to be done, by a function of `laneway._profile.loops`."""

_NO_LANEWAY = 2


class _AfterImport(importlib.abc.MetaPathFinder):
    """Does what `_HOOKED` says after a module was imported."""

    @_override
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec as the other finders have it, with a loader that calls the hook."""
        hook = _HOOKED.pop(name, None)
        if hook is None:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)) is not None:
                _call_after(spec, hook)
                return spec
        return None


def _call_after(spec: importlib.machinery.ModuleSpec, hook: str) -> None:
    loader: Any = spec.loader
    execute: Callable[[ModuleType], None] | None = getattr(loader, "exec_module", None)
    if execute is None:
        return

    def exec_module(module: ModuleType) -> None:
        execute(module)
        _call(hook)

    loader.exec_module = exec_module


def _call(hook: str) -> None:
    try:
        hooks = importlib.import_module("laneway._profile.loops")
    except ImportError as error:
        _refuse(error)
    else:
        getattr(hooks, hook)()


def _refuse(error: ImportError) -> None:
    """Says why nothing can be measured. Only the program itself ends; its children need not be."""
    if str(os.getppid()) != os.environ.get("LANEWAY_PROFILE_PARENT"):
        return
    _leave("refused", f"{sys.executable}: {error}")
    # An exception would be shown as a fault of the program.
    os._exit(_NO_LANEWAY)


def _leave(ending: str, text: str) -> None:
    path = os.path.join(os.environ["LANEWAY_PROFILE"], f"{os.getpid()}.{ending}")
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        # The command that asked for it is gone, and so is its folder.
        return


def _run_the_other() -> None:
    """Runs the `sitecustomize` that this one hides."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    own = sys.modules.pop("sitecustomize", None)
    try:
        if importlib.util.find_spec("sitecustomize") is not None:
            importlib.import_module("sitecustomize")
    finally:
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)


if "LANEWAY_PROFILE" in os.environ:
    if importlib.util.find_spec("laneway") is None:
        _refuse(ImportError("No module named 'laneway'"))
    else:
        _leave("hooked", "")
        sys.meta_path.insert(0, _AfterImport())
_run_the_other()
