"""Tasks of the auto lane: some can be moved, and each of the others has its own reason."""

from __future__ import annotations

import asyncio
import contextvars
import enum
import functools
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from laneway import Laneway, inject

app = Laneway(name="movable")

PRICES = {"tea": 3}
SEEN: dict[int, bool] = {}
counter = 0
LOCAL = threading.local()
LOCK = threading.Lock()
REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request")
DATABASE = sqlite3.connect(":memory:", check_same_thread=False)


class Totals:
    sum = 0


class Ledger:
    items: ClassVar[dict[int, int]] = {}

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> int:
        self.count += 1
        return self.count

    @classmethod
    def note(cls, n: int) -> None:
        cls.items[n] = n


class Colour(enum.Enum):
    RED = 1


LEDGER = Ledger()


@app.resource
def connection() -> object:
    return object()


@functools.lru_cache
def square(n: int) -> int:
    return n * n


def price(name: str) -> int:
    return PRICES[name]


def count(n: int) -> None:
    global counter  # noqa: PLW0603 - that it does so is the test
    counter += n


# --- these can be moved


@app.task(lane="auto")
def waits(seconds: float) -> None:
    time.sleep(seconds)


@app.task(lane="auto")
def looks_up(name: str) -> int:
    return price(name)


@app.task(lane="auto")
def builds(n: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for i in range(n):
        found[i] = [j for j in range(i) if os.environ.get("X") is None]
    return found


@app.task(lane="auto")
def reads(path: str) -> str:
    return Path(path).read_text()


@app.task(lane="auto")
def recurses(n: int) -> int:
    return n and recurses(n - 1)


@app.task(lane="auto")
def uses_cache(n: int) -> int:
    return square(n)


# --- and these cannot


@app.task(lane="auto")
def writes_global(n: int) -> None:
    global counter  # noqa: PLW0603 - that it does so is the test
    counter = n


@app.task(lane="auto")
def calls_one_that_writes(n: int) -> None:
    count(n)


@app.task(lane="auto")
def remembers(n: int) -> None:
    SEEN[n] = True


@app.task(lane="auto")
def sums(n: int) -> None:
    Totals.sum += n


@app.task(lane="auto")
def shares_default(n: int, known: list[int] = []) -> int:  # noqa: B006 - as above
    known.append(n)
    return len(known)


@app.task(lane="auto")
def thread_local(n: int) -> None:
    LOCAL.n = n


@app.task(lane="auto")
def locks(n: int) -> int:
    with LOCK:
        return n


@app.task(lane="auto")
def context() -> str:
    return REQUEST.get()


@app.task(lane="auto")
def loops() -> bool:
    return asyncio.get_running_loop().is_running()


@app.task(lane="auto")
def signals() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)


@app.task(lane="auto")
def changes_folder(folder: str) -> None:
    os.chdir(folder)


@app.task(lane="auto")
def exports(value: str) -> None:
    os.environ["VALUE"] = value


@app.task(lane="auto")
def adds() -> int:
    return LEDGER.add()


@app.task(lane="auto")
def notes(n: int) -> None:
    Ledger.note(n)


@app.task(lane="auto")
def makes_its_own(n: int) -> int:
    ledger = Ledger()
    return ledger.add() + n + Colour.RED.value


@app.task(lane="auto")
def queries() -> list[int]:
    return DATABASE.execute("SELECT 1").fetchone()


@app.task(lane="auto")
def injects(n: int, connection: object = inject(connection)) -> int:
    return n


def made() -> Callable[[int], int]:
    def inner(n: int) -> int:
        return n

    return inner


app.task(name="inner", lane="auto")(made())
app.task(name="lambda", lane="auto")(lambda: None)


def hidden(n: int) -> int:
    return n


app.task(name="hidden", lane="auto")(hidden)
del hidden


@app.task(lane="auto", thread_safe=False)
def declared_unsafe(n: int) -> int:
    return n


@app.task(lane="auto", thread_safe=True)
def injects_safely(n: int, link: object = inject(connection)) -> str:
    return f"{n} {link}"
