"""What type checkers infer for tasks, and the mistakes that they have to find.

Nothing here runs. An expected mistake carries an ignore that names its rule; when a checker stops
finding it, the ignore itself becomes an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from typing_extensions import assert_type

from laneway import (
    AsyncTask,
    Backoff,
    Call,
    Enqueued,
    Job,
    Laneway,
    Rate,
    Resource,
    SyncTask,
    current,
    inject,
)

app = Laneway("sqlite:///jobs.db", name="shop")


@app.task
async def fetch(url: str, *, depth: int = 1) -> int:
    return len(url) * depth


@app.task
def shrink(path: str, size: int = 128) -> bytes:
    return path.encode()[:size]


@app.task(queue="mail", retry=Backoff(6, first="2s"), limit=Rate("20/s"), timeout=30)
def receipt(order_id: int) -> None: ...


@app.task(unique_by=["url"], timeout=timedelta(seconds=3), on_interrupt="park", retry=3)
async def visit(url: str) -> list[str]:
    return [url]


class Pool: ...


@app.resource
async def pool() -> AsyncIterator[Pool]:
    yield Pool()


@app.resource
def prices() -> Iterator[dict[str, float]]:
    yield {}


@app.resource
async def token() -> str:
    return ""


@app.resource
def numbers() -> list[int]:
    return []


@app.task
async def load(path: str, pool: Pool = inject(pool)) -> Pool:
    return pool


assert_type(pool, Resource[Pool])
assert_type(prices, Resource[dict[str, float]])
assert_type(token, Resource[str])
assert_type(numbers, Resource[list[int]])


async def tasks_are_still_functions() -> None:
    assert_type(await fetch("a", depth=2), int)
    assert_type(shrink("a", 3), bytes)
    assert_type(await load("a", Pool()), Pool)


async def jobs_have_the_types_of_their_results() -> None:
    assert_type(await fetch.enqueue("a"), Job[int])
    assert_type(await (await fetch.enqueue("a")).result(timeout="5s"), int)
    assert_type(shrink.delay("a", size=3), Job[bytes])
    assert_type(shrink.delay("a").wait(), bytes)
    assert_type(shrink.delay("a").blocking.result(timeout=5), bytes)
    assert_type(await (await visit.enqueue("a")).result(), list[str])
    job = await fetch.enqueue("a")
    other = await visit.enqueue("a")
    assert_type(await asyncio.gather(job.result(), other.result()), tuple[int, list[str]])


async def options_keep_the_signature() -> None:
    later = receipt.options(after="15m", priority=3, key="r-42")
    assert_type(await later.enqueue(42), Job[None])
    assert_type(later.call(42), Call[None])
    receipt.options(at=datetime(2030, 1, 1, tzinfo=timezone.utc), retry=None, queue="slow")


async def many_calls_have_one_type() -> None:
    async def urls() -> AsyncIterator[Call[int]]:
        yield fetch.call("a")

    jobs = await app.enqueue_many(fetch.call(url) for url in ["a", "b"])
    assert_type(jobs, Enqueued[int])
    assert_type(jobs[0], Job[int])
    assert_type(await app.enqueue_many(urls()), Enqueued[int])
    assert_type(app.delay_many([shrink.call("a")], ids=False), Enqueued[bytes])


def known_jobs() -> None:
    assert_type(app.job("01J"), Job[Any])
    assert_type(app.job("01J", int), Job[int])


def the_current_job() -> None:
    assert_type(current.job.attempt, int)
    assert_type(current.cancelled, bool)
    current.progress(1, of=3, note="one")


def tasks_have_two_kinds() -> tuple[AsyncTask[[str], list[str]], SyncTask[[int], None]]:
    return visit, receipt


async def mistakes() -> None:
    await fetch.enqueue(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await fetch.enqueue()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    fetch.call("a", 2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    shrink.delay("a", sizes=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    receipt.options(key="a").delay(
        "42",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )
    receipt.options(queue=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    receipt.options(prio=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    app.task(lane="fiber")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    app.task(quue="mail")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    inject(Pool)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tasks = [shrink]
    await app.enqueue_many(tasks)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    job = await fetch.enqueue("a")
    wrong: Job[str] = job  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    del wrong
