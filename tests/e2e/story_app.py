"""The application of the end-to-end tests."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from laneway import Backoff, Fail, Laneway, Rate, Retry, current

app = Laneway()


@dataclass
class Order:
    """Something with a few types."""

    number: int
    price: Decimal
    placed_at: datetime


@app.task
async def greet(name: str, *, greeting: str = "hello") -> str:
    return f"{greeting} {name}"


@app.task
async def total(orders: list[Order]) -> Decimal:
    return sum((order.price for order in orders), Decimal(0))


@app.task(lane="thread")
def blocking_pid(seconds: float = 0) -> int:
    time.sleep(seconds)
    return os.getpid()


@app.task
def computing_pid(seconds: float = 0) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return os.getpid()


@app.task
async def waiting_pid(seconds: float = 0) -> int:
    await asyncio.sleep(seconds)
    return os.getpid()


@app.task
async def broken(message: str) -> None:
    raise ValueError(message)


@app.task(retry=Backoff(3, first="50ms"))
async def flaky(path: Path, failures: int) -> int:
    """Fails so many times, counting in a file, then succeeds."""
    seen = int(path.read_text()) if path.exists() else 0
    path.write_text(str(seen + 1))
    if seen < failures:
        raise ConnectionError(f"failure {seen + 1}")
    return seen + 1


@app.task(retry=Backoff(5, first="1h"))
async def asks_for_another_attempt(path: Path) -> str:
    if not path.exists():
        path.touch()
        raise Retry(after="10ms")
    return "second"


@app.task
async def asks_in_vain() -> None:
    raise Retry(after="10ms")


class RateLimited(Retry): ...


@app.task
async def is_rate_limited() -> None:
    raise RateLimited(after="10ms")


@app.task(retry=Backoff(5, first="10ms"))
async def gives_up() -> None:
    raise Fail("the account does not exist")


@app.task(timeout="300ms", grace="500ms")
async def sleeps_too_long() -> None:
    await asyncio.sleep(60)


@app.task(lane="thread", timeout="300ms", grace="500ms")
def blocks_too_long() -> None:
    for _ in range(6000):
        time.sleep(0.01)


@app.task(lane="process", timeout="300ms", grace="500ms")
def computes_too_long() -> None:
    while True:
        pass


@app.task
async def tells_progress(gate: Path) -> None:
    current.progress(3, of=10, note="page 3")
    while not gate.exists():  # noqa: ASYNC110 - another process opens the gate
        await asyncio.sleep(0.01)


@app.task(limit=Rate("10/s", burst=1, key="story"))
async def limited() -> float:
    return time.time()


@app.task
async def unencodable() -> object:
    return object()


@app.task
async def prints() -> None:
    print("a line on standard output")
    print("a line on standard error", file=sys.stderr)


@app.task
async def who_am_i() -> tuple[str, str, int]:
    return current.job.task, current.job.queue, current.job.attempt


@app.task
async def returns_bytes(count: int) -> bytes:
    return b"x" * count


@app.task(lane="process")
def naps(seconds: float) -> None:
    time.sleep(seconds)


@app.task
async def stops_the_loop() -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.05)
    return "went on"


@app.task
async def raises_generator_exit() -> None:
    raise GeneratorExit
