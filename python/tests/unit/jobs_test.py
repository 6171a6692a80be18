"""Jobs on a real store: how they are made, asked for and cancelled, in async and blocking code."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from laneway import Call, JobCancelled, Laneway, ResultTimeout
from laneway.errors import JobUnknown, PayloadError, TaskUnregistered

UNKNOWN = "01JD3Z7Q6W8X9YK2M4N5P6R7S8"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Laneway]:
    app = Laneway(f"sqlite:///{tmp_path}/jobs.db", name="shop")

    @app.task(name="double")
    async def double(n: int) -> int:
        return n * 2

    @app.task(name="order", unique_by="order_id")
    def order(order_id: int) -> None: ...

    yield app
    app.close()


async def test_an_enqueued_job_can_be_asked_for(app: Laneway) -> None:
    job = await app.tasks["double"].enqueue(3)
    assert job.created
    assert await job.status() == "ready"
    details = await job.details()
    assert (details["id"], details["task"]) == (job.id, "double")
    assert await app.job(job.id).status() == "ready"
    assert app.job(job.id) == job
    assert len({app.job(job.id), job}) == 1


def test_blocking_code_has_the_same(app: Laneway) -> None:
    job = app.tasks["double"].delay(3)
    assert job.blocking.status() == "ready"
    assert job.blocking.details()["id"] == job.id
    assert job.blocking.cancel() == "done"
    with pytest.raises(JobCancelled) as caught:
        job.blocking.result(timeout=5)
    assert caught.value.job_id == job.id
    assert job.blocking.cancel() == "too_late"


async def test_options_decide_when_a_job_runs(app: Laneway) -> None:
    task = app.tasks["double"]
    later = await task.options(after="1h").enqueue(3)
    assert await later.status() == "scheduled"
    at_once = await task.options(at=time.time() - 5).enqueue(3)
    assert await at_once.status() == "ready"
    urgent = await task.options(priority=7, queue="fast").enqueue(3)
    details = await urgent.details()
    assert (details["priority"], details["queue"]) == (7, "fast")


async def test_a_cancelled_job_has_no_result(app: Laneway) -> None:
    job = await app.tasks["double"].enqueue(3)
    waiting = asyncio.create_task(job.result(timeout=10))
    await asyncio.sleep(0)
    assert await job.cancel() == "done"
    with pytest.raises(JobCancelled):
        await waiting


async def test_a_result_that_does_not_come_in_time_is_given_up(app: Laneway) -> None:
    job = await app.tasks["double"].enqueue(3)
    with pytest.raises(ResultTimeout) as caught:
        await job.result(timeout="20ms")
    assert "0.02 s" in caught.value.why
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(job.wait, "20ms")
    # The job itself is not touched.
    assert await job.status() == "ready"


async def test_whoever_stops_waiting_leaves_nothing_behind(app: Laneway) -> None:
    job = await app.tasks["double"].enqueue(3)
    for _ in range(3):
        waiting = asyncio.create_task(job.result())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await job.cancel()
    with pytest.raises(JobCancelled):
        await job.result(timeout=10)


async def test_hundreds_of_results_are_awaited_at_once(app: Laneway) -> None:
    jobs = await app.enqueue_many(app.tasks["double"].call(n) for n in range(300))
    waiting = [asyncio.create_task(job.result(timeout=20)) for job in jobs]
    await asyncio.sleep(0)
    await asyncio.gather(*(job.cancel() for job in jobs))
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(end, JobCancelled) for end in ends)


async def test_an_unknown_job_is_said_to_be_unknown(app: Laneway) -> None:
    job = app.job(UNKNOWN)
    for ask in (job.status, job.cancel, job.details):
        with pytest.raises(JobUnknown) as caught:
            await ask()
        assert caught.value.code == "LW4001"


def test_a_second_unfinished_job_with_the_same_values_is_the_first(app: Laneway) -> None:
    order = app.tasks["order"]
    first, second, other = order.delay(7), order.delay(7), order.delay(8)
    assert first.created
    assert not second.created
    assert first == second
    assert other != first
    first.blocking.cancel()
    assert order.delay(7).created


def test_a_key_is_kept_when_the_job_has_ended(app: Laneway) -> None:
    keyed = app.tasks["double"].options(key="r-42")
    first = keyed.delay(1)
    first.blocking.cancel()
    assert keyed.delay(2) == first


async def test_too_large_arguments_are_refused(app: Laneway) -> None:
    @app.task(name="keep")
    async def keep(data: bytes) -> None: ...

    with pytest.raises(PayloadError) as caught:
        await keep.enqueue(b"x" * (2 << 20))
    assert caught.value.code == "LW3003"
    with pytest.raises(PayloadError):
        keep.delay(b"x" * (2 << 20))


async def test_any_number_of_calls_is_streamed(app: Laneway) -> None:
    taken = 0

    def calls() -> Iterator[Call[Any]]:
        nonlocal taken
        for number in range(4_500):
            taken += 1
            yield app.tasks["double"].call(number)

    jobs = await app.enqueue_many(calls())
    assert (jobs.total, jobs.created, len(jobs.ids), taken) == (4_500, 4_500, 4_500, 4_500)
    assert jobs.ids == sorted(set(jobs.ids))
    assert jobs[0].id == jobs.ids[0]
    assert [job.id for job in jobs[-2:]] == jobs.ids[-2:]
    assert await jobs[4_499].status() == "ready"


async def test_calls_may_come_from_an_async_iterable(app: Laneway) -> None:
    async def calls() -> AsyncIterator[Call[Any]]:
        for number in range(2_500):
            if number % 500 == 0:
                await asyncio.sleep(0)
            yield app.tasks["double"].call(number)

    jobs = await app.enqueue_many(calls(), ids=False)
    assert (jobs.total, jobs.created, len(jobs), jobs.ids) == (2_500, 2_500, 0, [])


def test_blocking_code_streams_as_well(app: Laneway) -> None:
    jobs = app.delay_many(app.tasks["double"].call(n) for n in range(3_300))
    assert (jobs.total, len(set(jobs.ids))) == (3_300, 3_300)
    assert app.delay_many([]).total == 0


async def test_what_was_stored_before_an_error_stays_stored(app: Laneway) -> None:
    seen: list[Call[Any]] = []

    def calls() -> Iterator[Call[Any]]:
        for number in range(2_200):
            call = app.tasks["order"].call(number)
            seen.append(call)
            yield call
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        await app.enqueue_many(calls())
    again = await app.enqueue_many(seen)
    # The first two batches of a thousand were full and had gone to the store.
    assert (again.total, again.created) == (2_200, 200)


async def test_only_calls_of_its_own_tasks_are_taken(app: Laneway) -> None:
    other = Laneway(name="other").task(len)
    with pytest.raises(TaskUnregistered) as caught:
        await app.enqueue_many([other.call([1])])
    assert caught.value.code == "LW3010"
    wrong: Any = [app.tasks["double"]]
    with pytest.raises(TypeError, match="no call of a task"):
        await app.enqueue_many(wrong)


def test_each_event_loop_has_its_own_answers(app: Laneway) -> None:
    async def make() -> str:
        job = await app.tasks["double"].enqueue(1)
        return await job.status()

    assert [asyncio.run(make()) for _ in range(5)] == ["ready"] * 5


def test_a_forked_process_opens_the_store_itself(app: Laneway) -> None:
    app.tasks["double"].delay(1)
    child = os.fork()
    if child == 0:
        # Whatever happens, the child must not go on with the tests.
        status = 1
        try:
            status = 0 if app.tasks["double"].delay(2).created else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_closed_application_opens_its_store_again(app: Laneway) -> None:
    job = app.tasks["double"].delay(1)
    app.close()
    app.close()
    assert app.job(job.id).blocking.status() == "ready"
