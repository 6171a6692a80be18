"""A job runs in its lane, and its result comes back typed."""

from __future__ import annotations

from pathlib import Path

from stories import Story, wait_until


def test_a_result_comes_back_with_its_type(story: Story) -> None:
    story.worker()
    printed = story.coroutine(
        "from datetime import datetime, timezone\n"
        "from decimal import Decimal\n"
        "order = m.Order(1, Decimal('9.99'), datetime.now(timezone.utc))\n"
        "job = await m.total.enqueue([order, order])\n"
        "print(repr(await job.result(timeout=10)))"
    )
    assert printed == "Decimal('19.98')"


def test_each_lane_runs_where_it_should(story: Story) -> None:
    story.worker()
    printed = story.python(
        "import os\n"
        "jobs = [t.delay() for t in (m.waiting_pid, m.blocking_pid, m.computing_pid)]\n"
        "print(os.getpid(), *(job.wait(timeout=15) for job in jobs))"
    )
    here, waiting, blocking, computing = map(int, printed.split())
    assert waiting == blocking
    assert len({here, waiting, computing}) == 3


def test_blocking_and_awaiting_twins_give_the_same(story: Story) -> None:
    story.worker()
    blocking = story.python("print(m.greet.delay('Ada', greeting='hi').wait(timeout=10))")
    awaiting = story.coroutine("print(await (await m.greet.enqueue('Ada')).result(timeout=10))")
    assert (blocking, awaiting) == ("hi Ada", "hello Ada")


def test_many_jobs_stream_in_and_are_awaited_together(story: Story) -> None:
    story.worker()
    printed = story.coroutine(
        "sent = await m.app.enqueue_many(m.greet.call(str(n)) for n in range(3000))\n"
        "results = await asyncio.gather(*(job.result(timeout=30) for job in sent))\n"
        "print(len(results), results[0], results[-1])"
    )
    assert printed == "3000 hello 0 hello 2999"


def test_a_job_knows_itself(story: Story) -> None:
    story.worker()
    job = story.delay("who_am_i()")
    record = story.wait_for(job, "succeeded")
    task, queue, attempt = record["result"]
    assert (queue, attempt) == ("default", 1)
    assert task == record["task"]


def test_progress_is_seen_while_the_job_runs(story: Story, tmp_path: Path) -> None:
    story.worker()
    gate = tmp_path / "gate"
    job = story.delay(f"tells_progress('{gate}')")

    def progress() -> object:
        return story.job(job)["progress"]

    wait_until(lambda: progress() is not None, 10, "progress")
    shown = progress()
    gate.touch()
    assert "page 3" in str(shown)
    story.wait_for(job, "succeeded")


def test_what_tasks_print_is_kept_apart_from_events(story: Story) -> None:
    worker = story.worker()
    job = story.delay("prints()")
    story.wait_for(job, "succeeded")
    worker.terminate()
    output, _ = worker.communicate(timeout=20)
    assert "a line on standard output" in output
    assert "a line on standard error" in (story.folder / "worker.err").read_text()


def test_a_result_can_be_asked_for_without_waiting(story: Story) -> None:
    story.worker()
    job = story.delay("greet('Ada')")
    story.wait_for(job, "succeeded")
    printed = story.python(
        f"job = m.app.job({job!r}, str)\n"
        "print(job.wait(timeout=0), '|', asyncio.run(job.result(timeout=0)))"
    )
    assert printed == "hello Ada | hello Ada"


def test_a_job_that_has_not_ended_has_no_result_at_once(story: Story) -> None:
    job = story.delay("greet('Ada')")
    printed = story.python(
        "from laneway import ResultTimeout\n"
        f"try: m.app.job({job!r}, str).wait(timeout=0)\n"
        "except ResultTimeout as error: print(error.code)"
    )
    assert printed == "LW3007"


def test_waiting_for_a_job_that_nobody_knows_ends_with_a_code(story: Story) -> None:
    story.delay("greet('Ada')")
    printed = story.python(
        "from laneway.errors import JobUnknown\n"
        "job = m.app.job('01JD3Z7Q6W8X9YK2M4N5P6R7S8')\n"
        "for wait in (job.wait, lambda: asyncio.run(job.result())):\n"
        "    try: wait()\n"
        "    except JobUnknown as error: print(error.code)"
    )
    assert printed.split() == ["LW4001", "LW4001"]
