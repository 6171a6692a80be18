"""How an application is named, so that another process finds it: `shop.tasks:app`, `app.py:app`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from laneway.errors import AppError

if TYPE_CHECKING:
    from types import FrameType, ModuleType


def module_name_of(path: Path) -> tuple[str, Path]:
    """The name under which a file is imported, and the folder that has to be on `sys.path`.

    A file inside packages gets its full name, so that it is the same module as for code that
    imports it from outside.

    Args:
        path: A Python file.
    """
    path = path.resolve()
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts), folder


def lasting_module_name(name: str) -> str:
    """The name of a module in every process; a script's `__main__` gets the name of its file.

    Args:
        name: The module's name here.
    """
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    if main.__spec__ is not None:
        return main.__spec__.name
    file = getattr(main, "__file__", None)
    return name if file is None else module_name_of(Path(file))[0]


def reference_to(app: object, module_name: str) -> str:
    """The reference by which `laneway worker` finds an application.

    Args:
        app: The application.
        module_name: The module that made it.
    """
    for name in (module_name, "__main__"):
        module = sys.modules.get(name)
        attribute = None if module is None else _attribute_of(module, app)
        if module is not None and attribute is not None:
            return f"{_place_of(module)}:{attribute}"
    raise AppError(
        "LW1030",
        "the application has no name by which another process can find it",
        f"it is not a global variable of the module `{module_name}`",
        "assign it at the top of a module: `app = Laneway()`",
    )


def maker_of(app: object) -> str:
    """The name of the module that makes an application; to be called by its constructor.

    Args:
        app: The application; the constructors of its subclasses are not what made it.
    """
    frame = sys._getframe(1)  # noqa: SLF001
    while _is_method_of(app, frame) and frame.f_back is not None:
        frame = frame.f_back
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else "__main__"


def identity_of(app: object, module_name: str, reference: str) -> str:
    """What a store knows an application without a name of its own by: `shop.tasks:app`.

    Args:
        app: The application.
        module_name: The module that made it.
        reference: Where the runner found it, as a module; it counts when the application is no
            variable of the module that made it, as for one that a function returned.
    """
    module = sys.modules.get(module_name)
    attribute = None if module is None else _attribute_of(module, app)
    if attribute is not None:
        return f"{lasting_module_name(module_name)}:{attribute}"
    place, _, attribute = reference.partition(":")
    if not attribute and place in sys.modules:
        attribute = _attribute_of(sys.modules[place], app)
    return f"{place}:{attribute}" if attribute else place


def as_module(reference: str) -> str:
    """A reference by which a file is named, as one by which its module is.

    Args:
        reference: `module`, `module:attribute`, `path/to/file.py` or `path/to/file.py:attribute`.
    """
    place, colon, attribute = reference.partition(":")
    return f"{module_name_of(Path(place))[0] if is_file(place) else place}{colon}{attribute}"


def is_file(place: str) -> bool:
    """Whether an application is named by its file.

    Args:
        place: A reference without the attribute.
    """
    return place.endswith(".py") or "/" in place


def import_folder_of(reference: str) -> Path | None:
    """The folder from which the module of a reference was imported here.

    Args:
        reference: What `reference_to` gave; a file needs no folder.
    """
    place = reference.partition(":")[0]
    if place.endswith(".py"):
        return None
    module = sys.modules.get(place, sys.modules["__main__"])
    file = getattr(module, "__file__", None)
    if file is None:
        return None
    is_package = Path(file).name == "__init__.py"
    return Path(file).resolve().parents[place.count(".") + is_package]


def _is_method_of(app: object, frame: FrameType) -> bool:
    arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return bool(arguments) and frame.f_locals.get(arguments[0]) is app


def _attribute_of(module: ModuleType, app: object) -> str | None:
    return next((name for name, value in vars(module).items() if value is app), None)


def _place_of(module: ModuleType) -> str:
    if module.__name__ != "__main__":
        return module.__name__
    if module.__spec__ is not None:
        return module.__spec__.name
    file = getattr(module, "__file__", None)
    if file is None:
        raise AppError(
            "LW1030",
            "the application lives in an interactive interpreter",
            "a worker is another process, and cannot import what was typed",
            "put the application into a file",
        )
    return str(Path(file).resolve())
