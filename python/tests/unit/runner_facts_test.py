"""What is told of a task from its code."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from collections.abc import Callable as AbstractCallable
from typing import Any, TypeAlias

import pytest

from laneway._runner.facts import awaits_something

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


@pytest.mark.parametrize("function", [awaits, iterates, enters, Callable(), wrapper])
def test_an_await_is_found(function: AnyFunction) -> None:
    assert awaits_something(function) is True


@pytest.mark.parametrize("function", [needlessly, plain])
def test_a_function_without_one_is_told(function: AnyFunction) -> None:
    assert awaits_something(function) is False


@pytest.mark.parametrize("function", [len, functools.partial(awaits)])
def test_code_that_cannot_be_seen_is_not_guessed(function: AnyFunction) -> None:
    assert awaits_something(function) is None
