"""Every example in a docstring runs, and every public name has a docstring."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import laneway

MODULES = [
    module.name
    for module in pkgutil.walk_packages(laneway.__path__, "laneway.")
    if not module.name.endswith(("__main__", "_native"))
]


@pytest.mark.parametrize("name", ["laneway", *MODULES])
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.parametrize("name", sorted(set(laneway.__all__) - {"__version__"}))
def test_public_names_are_documented(name: str) -> None:
    value = getattr(laneway, name)
    if not inspect.isclass(value):
        return
    assert value.__doc__
    for member, content in vars(value).items():
        is_public = not member.startswith("_")
        if is_public and (inspect.isfunction(content) or isinstance(content, property)):
            assert content.__doc__, f"{name}.{member}"
