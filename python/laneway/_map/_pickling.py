"""What travels between this process and those it started for itself.

Only here are values pickled: both ends are one program of one user, and nothing is stored. Jobs
travel as MessagePack.
"""

from __future__ import annotations

import importlib.util
import pickle  # noqa: TID251 - the pipe has this program at both ends
import re
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from laneway.errors import MapError

if TYPE_CHECKING:
    from collections.abc import Callable

loads = pickle.loads

UNDER_GUARD = 'put what an import must not run under `if __name__ == "__main__":`'

_GUARD = re.compile(r"""^if\s+__name__\s*==\s*['"]__main__['"]""", re.MULTILINE)


def dumps(value: object) -> bytes:
    """Pickles a value.

    Args:
        value: Anything that pickle takes.
    """
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def round_trip_s(value: object) -> float | None:
    """How long a value takes there and back, or `None` if it cannot travel.

    Args:
        value: An item or a result that is typical.
    """
    began = time.perf_counter()
    try:
        loads(dumps(value))
    except Exception:  # noqa: BLE001 - pickling runs the value's own code
        return None
    return time.perf_counter() - began


def dumps_function(fn: Callable[[Any], Any]) -> bytes:
    """Pickles a function for a process that begins with nothing: it has to find it by its name.

    Args:
        fn: The function.
    """
    inner: Any = fn
    while hasattr(inner, "func") and hasattr(inner, "keywords"):
        inner = inner.func
    by_value = _by_value()
    if getattr(inner, "__module__", None) == "__main__" and not main_is_importable():
        if by_value is not None:
            return by_value(fn)
        raise _not_sendable(fn, "it is defined in the main program, which another process may not "
                            "import: " + main_hindrance())  # fmt: skip
    try:
        return dumps(fn)
    except Exception as refused:  # noqa: BLE001 - pickling runs the function's own code
        if by_value is not None:
            return by_value(fn)
        raise _not_sendable(fn, f"another process cannot find it by its name: {refused}") from None


def _by_value() -> Callable[[Any], bytes] | None:
    """What notebooks' own tools use to send the code itself, if it is installed."""
    if importlib.util.find_spec("cloudpickle") is None:
        return None
    return cast("Callable[[Any], bytes]", importlib.import_module("cloudpickle").dumps)


def main_is_importable() -> bool:
    """Whether another process can import the main program without running it again."""
    return not main_hindrance()


def main_hindrance() -> str:
    """Why the main program cannot be imported by another process; empty if it can."""
    main = sys.modules["__main__"]
    if getattr(main.__spec__, "name", "").endswith(".__main__"):
        return ""
    path = getattr(main, "__file__", None)
    if path is None or not Path(path).is_file():
        return "it is a notebook or a prompt, no file"
    try:
        source = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return "its file cannot be read"
    if _GUARD.search(source):
        return ""
    return 'it has no `if __name__ == "__main__":`, so it would run again'


def _not_sendable(fn: object, why: str) -> MapError:
    name = getattr(fn, "__qualname__", None) or repr(fn)
    return MapError(
        "LW3020",
        f"`{name}` cannot be sent to another process",
        why,
        "move it to the top level of a module and import it from there, install `cloudpickle`, or "
        'say `lane="thread"`',
    )


def not_importable(what: str, error: BaseException) -> MapError:
    """The error of a function that a new process could not find, because an import failed.

    Args:
        what: What it imported.
        error: What the import raised.
    """
    ours = str(Path(__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_file() and not frame.filename.startswith(ours)
    ]
    at = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    is_missing = isinstance(error, ImportError | AttributeError)
    fix = "move it to a module that a new interpreter can import" if is_missing else UNDER_GUARD
    return MapError(
        "LW3020",
        "another process could not import the function",
        f"a new process imports {what} to find it, and that raised "
        f"{type(error).__name__}: {error}{at}",
        f'{fix}, or say `lane="thread"`',
    )


def not_picklable(what: str, error: BaseException) -> MapError:
    """The error of a value that cannot travel.

    Args:
        what: What it is.
        error: What pickling it raised.
    """
    return MapError(
        "LW3021",
        f"{what} cannot be sent between processes",
        f"{type(error).__name__}: {error}",
        "pass and return plain data, and open files and connections inside the function; or say "
        '`lane="thread"`',
    )
