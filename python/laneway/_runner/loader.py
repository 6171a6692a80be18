"""Finds and imports the application that a worker was started for."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from laneway._app import Laneway
from laneway._reference import is_file, module_name_of
from laneway.errors import AppError, LanewayError

if TYPE_CHECKING:
    from types import ModuleType

TRACEBACK_MAX = 4_000
"""The most characters of an import's traceback that are shown."""


def load(reference: str) -> Laneway:
    """Imports an application.

    Args:
        reference: `module`, `module:attribute`, `path/to/file.py` or `path/to/file.py:attribute`.
    """
    place, attribute = _split(reference)
    module = _module_of_file(place) if is_file(place) else _module(place, reference)
    return _app_named(module, attribute) if attribute else _only_app(module)


def _split(reference: str) -> tuple[str, str]:
    place, _, attribute = reference.partition(":")
    if not place.strip():
        raise AppError(
            "LW1030",
            f"`{reference}` does not name an application",
            "it has no module or file",
            "write `module:app` or `path/to/app.py`",
        )
    return place, attribute


def _module_of_file(place: str) -> ModuleType:
    path = Path(place)
    if not path.is_file():
        raise AppError(
            "LW1030",
            f"there is no file `{place}`",
            f"looked in `{Path.cwd()}`",
            "name the file of the application, or `module:app`",
        )
    name, folder = module_name_of(path)
    _put_on_path(folder)
    module = _imported(name)
    found = getattr(module, "__file__", None)
    if found is None or Path(found).resolve() != path.resolve():
        raise AppError(
            "LW1030",
            f"`{place}` cannot be imported as `{name}`",
            f"Python finds `{found or name}` under that name first",
            "rename the file, so that it does not hide behind another module",
        )
    return module


def _module(name: str, reference: str) -> ModuleType:
    _put_on_path(Path.cwd())
    try:
        return _imported(name)
    except ModuleNotFoundError as error:
        # Only its own absence: a module that it imports may be missing as well.
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise _import_failed(name, error) from None
        raise AppError(
            "LW1030",
            f"there is no module `{missing}` for the application `{reference}`",
            f"looked in `{Path.cwd()}` and on Python's path, `{sys.executable}`",
            "start in the project's folder, or name the file: `path/to/app.py`",
        ) from None


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise _import_failed(name, error) from None
    except LanewayError as error:
        raise _coded(error) from None
    # A module may end the process while it is imported; a runner reports it instead.
    except BaseException as error:  # noqa: BLE001
        raise _import_failed(name, error) from None


def _put_on_path(folder: Path) -> None:
    text = str(folder)
    if text not in sys.path:
        sys.path.insert(0, text)


def _coded(error: LanewayError) -> LanewayError:
    """An error of the SDK keeps its code; where it was raised is added."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_machinery(frame.filename)]
    place = f" (in `{own[-1].filename}`, line {own[-1].lineno})" if own else ""
    return type(error)(error.code, f"{error.what}{place}", error.why, error.fix)


def _import_failed(name: str, error: BaseException) -> AppError:
    trace = error.__traceback__
    while trace is not None and _is_machinery(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace)).strip()
    if len(text) > TRACEBACK_MAX:
        text = f"…\n{text[-TRACEBACK_MAX:]}"
    return AppError("LW1031", f"the application fails while `{name}` is imported", text)


_SDK = str(Path(__file__).resolve().parents[1])


def _is_machinery(filename: str) -> bool:
    """Whether a frame belongs to the import system or to the SDK, not to the application."""
    is_import = filename.startswith("<frozen") or filename == importlib.__file__
    return is_import or filename.startswith(_SDK)


def _app_named(module: ModuleType, attribute: str) -> Laneway:
    value: object = module
    for part in attribute.split("."):
        value = getattr(value, part, None)
    if isinstance(value, Laneway):
        return value
    names = sorted(_apps(module))
    seen = "is not there" if value is None else f"is a `{type(value).__name__}`"
    raise AppError(
        "LW1030",
        f"`{module.__name__}:{attribute}` is no application",
        f"`{attribute}` {seen}; the module has {_listed(names)}",
        f"`{module.__name__}:{names[0]}`" if names else "assign `app = Laneway()` in it",
    )


def _only_app(module: ModuleType) -> Laneway:
    apps = _apps(module)
    unique = {id(app): app for app in apps.values()}
    if len(unique) == 1:
        return next(iter(unique.values()))
    names = sorted(apps)
    raise AppError(
        "LW1030",
        f"`{module.__name__}` has {'several applications' if apps else 'no application'}",
        f"it has {_listed(names)}",
        f"name one: `{module.__name__}:{names[0]}`" if names else "assign `app = Laneway()` in it",
    )


def _apps(module: ModuleType) -> dict[str, Laneway]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Laneway)}


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no `Laneway(…)` among its variables"
