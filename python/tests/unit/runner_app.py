"""The application that the tests of the runner run."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator

from laneway import AttemptStopped, Fail, Laneway, Retry, current, inject

app = Laneway("sqlite:////nowhere/jobs.db", name="t")


def report(*words: object) -> None:
    print(*words, flush=True)


@app.resource
async def connection() -> AsyncIterator[str]:
    report("connection opens in", asyncio.current_task() is not None)
    await asyncio.sleep(0)
    yield "connection"
    report("connection closes")


@app.resource
def pool(connection: str = inject(connection)) -> Iterator[list[str]]:
    report("pool opens on", connection)
    yield [connection]
    report("pool closes")


@app.resource
def broken() -> str:
    raise OSError("no such host")


@app.task
async def double(n: int) -> int:
    return n * 2


@app.task
async def blocks(seconds: float) -> None:
    time.sleep(seconds)  # noqa: ASYNC251 - that is what is measured
    await asyncio.sleep(0)


@app.resource
async def slow() -> str:
    await asyncio.sleep(0.5)
    return "slow"


@app.task
async def uses_slow(slow: str = inject(slow)) -> str:
    return slow


@app.task
async def wait(seconds: float = 60) -> str:
    report("waits")
    try:
        await asyncio.sleep(seconds)
    finally:
        report("stop was", current.cancelled)
    return "waited"


@app.task
async def stubborn() -> str:
    report("waits")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        return "finished anyway"
    return "waited"


@app.task
async def cancels_itself() -> None:
    raise asyncio.CancelledError


@app.task
async def who() -> list[object]:
    job = current.job
    return [job.id, job.task, job.queue, job.attempt]


@app.task
async def uses_pool(pool: list[str] = inject(pool)) -> list[str]:
    return pool


@app.task(lane="thread")
def uses_pool_in_thread(pool: list[str] = inject(pool)) -> list[str]:
    return pool


@app.task
def uses_pool_in_process(pool: list[str] = inject(pool)) -> list[str]:
    return pool


@app.task
async def uses_broken(broken: str = inject(broken)) -> str:
    return broken


@app.task
async def reports(steps: int) -> None:
    for step in range(1, steps + 1):
        current.progress(step, of=steps, note=f"step {step}")
    report("reported")
    await asyncio.sleep(60)


class RateLimited(Retry): ...


def raises(how: str) -> object:
    if how == "error":
        raise ValueError("no tea")
    if how == "retry":
        raise Retry("later", after="30s")
    if how == "own retry":
        raise RateLimited("later")
    if how == "fail":
        raise Fail("never")
    if how == "exit":
        sys.exit(3)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "surrogate":
        raise ValueError("\udc80")
    if how == "large":
        raise ValueError("x" * 100_000)
    return object()


@app.task
async def raises_async(how: str) -> object:
    return raises(how)


@app.task(lane="thread")
def raises_in_thread(how: str) -> object:
    return raises(how)


@app.task
def raises_in_process(how: str) -> object:
    return raises(how)


@app.task(lane="thread")
def thread_name() -> list[object]:
    return [threading.current_thread().name, current.job.task]


def spin_until_stopped() -> str:
    try:
        # Within the block, since the stop may come as soon as this is read.
        report("spins")
        while True:
            time.sleep(0.001)
    except AttemptStopped as stop:
        report("stopped by", type(stop).__name__, current.cancelled)
        raise


@app.task(lane="thread")
def spin_in_thread() -> str:
    return spin_until_stopped()


@app.task
def spin_in_process() -> str:
    return spin_until_stopped()


@app.task(lane="thread")
def quick_in_thread(n: int) -> int:
    return n


@app.task
def quick_in_process(n: int) -> int:
    return n


@app.task
def burn(milliseconds: int) -> int:
    started = time.thread_time()
    while time.thread_time() - started < milliseconds / 1_000:
        pass
    return milliseconds


@app.task
def reads_input() -> str:
    return sys.stdin.read()


@app.task
def reports_in_process(steps: int) -> int:
    for step in range(1, steps + 1):
        current.progress(step, of=steps)
    report("reported")
    time.sleep(60)
    return steps
