"""What is told of a task from its code."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator
from collections.abc import Callable as AbstractCallable
from types import ModuleType
from typing import Any, TypeAlias

import pytest

from laneway._override import override
from laneway._runner.facts import awaits_something, library_names

AnyFunction: TypeAlias = AbstractCallable[..., Any]


async def awaits() -> None:
    await asyncio.sleep(0)


async def iterates(items: AsyncIterator[int]) -> None:
    async for _ in items:
        pass


async def enters(manager: contextlib.AbstractAsyncContextManager[int]) -> None:
    async with manager:
        pass


async def needlessly() -> int:
    return 1


def plain() -> int:
    return 2


class Callable:
    async def __call__(self) -> None:
        await awaits()


@functools.wraps(awaits)
def wrapper() -> object:
    return awaits()


@functools.wraps(needlessly)
async def retried() -> int:
    while True:
        with contextlib.suppress(OSError):
            return await needlessly()
        await asyncio.sleep(0.1)


@functools.wraps(retried)
async def logged() -> int:
    return await retried()


@functools.wraps(needlessly)
def handed_on() -> object:
    return needlessly()


class Waking(ModuleType):
    """A module that loads when it is asked for anything, as those of a lazy loader."""

    @override
    def __getattribute__(self, name: str) -> object:
        message = f"it was woken by {name}"
        raise ImportError(message)


waking = Waking("waking")


def names_a_lazy_module() -> object:
    return waking.thing


def test_a_lazy_module_is_not_woken() -> None:
    assert "waking.thing" in library_names(names_a_lazy_module)


@pytest.mark.parametrize("function", [awaits, iterates, enters, Callable(), wrapper])
def test_an_await_is_found(function: AnyFunction) -> None:
    assert awaits_something(function) is True


@pytest.mark.parametrize("function", [needlessly, plain, handed_on])
def test_a_function_without_one_is_told(function: AnyFunction) -> None:
    assert awaits_something(function) is False


@pytest.mark.parametrize("function", [len, functools.partial(awaits)])
def test_code_that_cannot_be_seen_is_not_guessed(function: AnyFunction) -> None:
    assert awaits_something(function) is None


@pytest.mark.parametrize("function", [retried, logged])
def test_a_function_whose_wrapper_awaits_is_not_called_needless(function: AnyFunction) -> None:
    assert awaits_something(function) is None


QUERIES = sqlite3.connect(":memory:")


class Proxy:
    """An object that stands for another, and makes it when it is looked at."""

    @override
    def __getattribute__(self, name: str) -> object:
        raise AssertionError(name)


PROXY = Proxy()


def naps() -> None:
    time.sleep(0.1)


def borrows() -> object:
    from urllib import request as asking

    return asking.urlopen


def queries() -> object:
    return QUERIES


def asks_others() -> list[object]:
    naps()
    return [subprocess.run(["true"], check=True) for _ in range(1)]


def looks_at_a_proxy() -> object:
    return PROXY


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (naps, "time.sleep"),
        (borrows, "urllib.request"),
        (queries, "sqlite3.Connection"),
        (asks_others, "time.sleep"),
        (asks_others, "subprocess.run"),
    ],
)
def test_what_a_task_and_its_own_functions_take_from_libraries_is_told(
    function: AnyFunction, name: str
) -> None:
    assert name in library_names(function)


def test_objects_are_not_asked_for_anything() -> None:
    assert any(name.endswith(".Proxy") for name in library_names(looks_at_a_proxy))
    assert library_names(len) == []
