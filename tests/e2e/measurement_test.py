"""What a worker measures comes back as advice, and a blocked loop is named while it is blocked."""

from __future__ import annotations

import json
import re
import signal
import sys
from typing import Any

import pytest
from stories import Story, wait_until

APP = """
import asyncio, subprocess, time
from laneway import Laneway
app = Laneway(name="lab")

@app.task
async def waits(n: int) -> int:
    await asyncio.gather(asyncio.sleep(0.05), asyncio.sleep(0.05))
    return n

@app.task
async def blocks(n: int) -> int:
    time.sleep(0.11)
    return n

@app.task
async def blocks_shortly(n: int) -> int:
    time.sleep(0.03)
    return n

@app.task
async def calls_a_program(n: int) -> int:
    if n < 0:
        time.sleep(n)
    return subprocess.run(["sleep", "0.11"]).returncode

@app.task
async def reads_much(text: list[str]) -> int:
    await asyncio.sleep(0.1)
    return len(text)

@app.task
async def returns_much(n: int) -> list[str]:
    await asyncio.sleep(0.1)
    return [str(i) for i in range(n)]

async def nap(n: int) -> int:
    await asyncio.sleep(0.01)
    return n

@app.task
async def starts_eagerly(n: int) -> int:
    eager = getattr(asyncio, "eager_task_factory", None)
    asyncio.get_running_loop().set_task_factory(eager)
    assert asyncio.get_running_loop().get_task_factory() is eager
    return sum(await asyncio.gather(*(nap(i) for i in range(n))))

@app.task(lane="thread", thread_safe=False)
def is_not_thread_safe(n: int) -> None:
    time.sleep(0.1)

@app.task
async def hangs(seconds: float) -> None:
    time.sleep(seconds)

@app.task(timeout="1s")
async def spins() -> None:
    n = 0
    while True: n += 1

@app.task(timeout="1s")
async def waits_long() -> None:
    await asyncio.sleep(30)

@app.task
def idles_in_a_process(n: int) -> int:
    time.sleep(0.11)
    return n

@app.task(lane="thread")
def fails(n: int) -> int:
    raise LookupError(n)

@app.task(lane="thread")
def computes_in_a_thread(n: int) -> int:
    return sum(i * i for i in range(400_000))

@app.task(lane="thread")
def sleeps_in_a_thread(n: int) -> None:
    time.sleep(0.1)

class Odd(Exception): ...
Odd.__module__ = "\\udcff"

@app.task
async def odd_async() -> None: raise Odd("no text of its own")

@app.task(lane="thread")
def odd_thread() -> None: raise Odd("no text of its own")

@app.task
def odd_process() -> None: raise Odd("no text of its own")
"""


@pytest.fixture
def lab_source() -> str:
    return APP


def advice(story: Story) -> dict[str, dict[str, Any]]:
    """The advice on every task, by the name behind the application's."""
    done = story.run("--json", "advise")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["task"].removeprefix("lab."): line for line in lines if "task" in line}


def test_the_workers_own_measurements_become_advice(lab: Story) -> None:
    lab.worker()
    for task in ("waits", "blocks", "idles_in_a_process", "fails"):
        lab.delay_times(25, f"{task}(7)")
    wait_until(lambda: not _unended(lab), 30, "every job to end")
    wait_until(lambda: len(advice(lab)) >= 4, 10, "the measurements to be in the store")
    wait_until(lambda: advice(lab)["blocks"]["rule"] == "R1", 10, "all runs to be in the store")
    found = advice(lab)
    assert found["blocks"]["change"] == {"kind": "use_async_library", "library": "asyncio.sleep"}
    assert found["blocks"]["edit"]["code"] == ["await asyncio.sleep(0.11)"]
    assert found["idles_in_a_process"]["rule"] == "R5"
    assert found["idles_in_a_process"]["better_lane"] == "thread"
    assert found["waits"]["better_lane"] is None
    site = found["blocks"]["site"]
    assert site["file"].endswith("lab.py")
    assert site["function"] == "blocks"
    assert site["line"] == APP.splitlines().index("    time.sleep(0.11)") + 1


def test_the_stack_tells_which_library_blocked_and_advise_its_async_twin(lab: Story) -> None:
    lab.worker()
    lab.delay_times(25, "calls_a_program(7)")
    wait_until(lambda: not _unended(lab), 30, "every job to end")
    task = "calls_a_program"
    wait_until(lambda: task in advice(lab), 10, "the measurements to be in the store")
    wait_until(lambda: advice(lab)[task]["rule"] == "R1", 10, "all runs to be in the store")
    found = advice(lab)[task]
    library = "asyncio.create_subprocess_exec"
    assert found["change"] == {"kind": "use_async_library", "library": library}
    assert "subprocess.py" in found["site"]["stack"]
    assert library in lab.run("explain", f"lab.{task}").stdout


def test_a_task_factory_of_the_application_is_used_and_its_worker_ends_well(lab: Story) -> None:
    worker = lab.worker()
    for _ in range(2):
        assert lab.wait_for(lab.delay("starts_eagerly(4)"), "succeeded", 30)["result"] == 6
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert "Traceback" not in (lab.folder / "worker.err").read_text()


def test_what_is_declared_not_to_be_thread_safe_is_advised_one_thread(lab: Story) -> None:
    lab.worker()
    lab.delay_times(25, "is_not_thread_safe(7)")
    wait_until(lambda: not _unended(lab), 30, "every job to end")
    task = "is_not_thread_safe"
    wait_until(lambda: advice(lab).get(task, {}).get("rule") == "R8", 10, "the verdict")
    assert advice(lab)[task]["change"] == {"kind": "serial_thread"}


def test_coroutines_with_large_payloads_tell_how_long_they_took_to_encode(lab: Story) -> None:
    lab.worker()
    lab.delay_times(25, "reads_much(['some text'] * 10_000)")
    lab.delay_times(25, "returns_much(50_000)")
    lab.delay_times(25, "returns_much(1)")
    lab.delay_times(25, "waits(7)")
    wait_until(lambda: not _unended(lab), 30, "every job to end")
    tasks = {"reads_much": 25, "returns_much": 50, "waits": 25}

    def all_are_there() -> bool:
        found = advice(lab)
        return all(
            found.get(task, {}).get("sufficiency", {}).get("runs") == runs
            for task, runs in tasks.items()
        )

    wait_until(all_are_there, 10, "the measurements to be in the store")
    evidence = {task: advice(lab)[task]["evidence"] for task in tasks}
    assert evidence["reads_much"]["is_encode_known"]
    # Ten thousand texts take more than 10 ns each to decode, and fifty thousand more than 2 ns to
    # encode; and the machine is not that slow.
    assert 0.1 < evidence["reads_much"]["encode"]["p50_ms"] < 50
    assert 0.1 < evidence["returns_much"]["encode"]["longest_ms"] < 50
    assert not evidence["waits"]["is_encode_known"]
    assert evidence["waits"]["encode"]["longest_ms"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a thread sleeps for")
def test_threads_that_take_turns_with_the_gil_are_told_from_threads_that_wait(lab: Story) -> None:
    lab.worker()
    tasks = ("computes_in_a_thread", "sleeps_in_a_thread")
    for task in tasks:
        lab.delay_times(100, f"{task}(7)")
        wait_until(lambda: not _unended(lab), 30, "every job to end")

    def seen(task: str) -> dict[str, Any]:
        found: dict[str, Any] = advice(lab)[task]
        return found

    wait_until(
        lambda: all(seen(task)["sufficiency"]["runs"] == 100 for task in tasks),
        10,
        "the measurements to be in the store",
    )
    computing, sleeping = (seen(task)["evidence"]["own_blocked_share"] for task in tasks)
    assert computing < 0.2
    assert sleeping > 0.8


def _unended(story: Story) -> list[str]:
    jobs = story.json("jobs", "list", "--limit", "1000")
    return [job["id"] for job in jobs if job["state"] in {"ready", "scheduled", "running"}]


def test_a_blocked_loop_is_named_while_it_is_blocked_and_logged_with_its_line(lab: Story) -> None:
    lab.worker("--log", "text")
    job = lab.delay("hangs(12)")

    def condition() -> str:
        [worker] = lab.json("status")[0]["workers"]
        return str(worker["condition"])

    wait_until(
        lambda: "loop blocked" in condition() and "lab.hangs" in condition(), 11, "the blame"
    )
    line = APP.splitlines().index("    time.sleep(seconds)") + 1
    assert f"lab.py:{line}" in condition()
    lab.wait_for(job, "succeeded", 30)
    log = lab.folder / "worker.err"
    wait_until(lambda: bool(advice(lab).get("hangs", {}).get("site")), 10, "the measurement")
    said = log.read_text()
    assert said.count("lab.hangs keeps the event loop from turning") == 1
    assert "it waits in a blocking call in `hangs`" in said
    assert "kept the event loop from turning" not in said, "it is told once"


def test_what_blocks_a_loop_for_ever_is_named_and_leaves_its_measurement(lab: Story) -> None:
    lab.worker("--log", "text")
    job = lab.delay("spins()")
    log = lab.folder / "worker.err"
    line = APP.splitlines().index("    while True: n += 1") + 1
    named = "lab.spins keeps the event loop from turning"
    wait_until(lambda: named in log.read_text(), 10, "the log line, while it blocks")
    assert f"it computes in `spins` at {lab.app}:{line}" in log.read_text()
    assert lab.job(job)["state"] == "running"
    failure = lab.wait_for(job, "failed", 20)["failure"]
    assert "blocks its event loop at" in failure["message"]
    wait_until(lambda: bool(advice(lab).get("spins", {}).get("site")), 20, "the measurement")
    found = advice(lab)["spins"]
    assert found["site"]["line"] == line
    assert found["sufficiency"]["runs"] == 1
    assert found["evidence"]["step_max"]["longest_ms"] > 1_000


def test_a_job_that_got_no_turn_is_not_blamed_and_the_one_that_blocked_it_is(lab: Story) -> None:
    lab.worker("--log", "text")
    victim = lab.delay("waits_long()")
    wait_until(lambda: lab.job(victim)["state"] == "running", 10, "the victim to run")
    blocker = lab.delay("hangs(9)")
    failure = lab.wait_for(victim, "failed", 20)["failure"]
    assert "because `lab.hangs` blocks its event loop at" in failure["message"]
    assert "goes on though it was cancelled" not in failure["message"]
    lab.wait_for(blocker, "succeeded", 20)
    wait_until(lambda: bool(advice(lab).get("hangs", {}).get("site")), 10, "the measurement")
    assert advice(lab)["hangs"]["sufficiency"]["runs"] == 1


def test_the_rate_of_what_blocks_its_loop_is_that_of_the_clock(lab: Story) -> None:
    lab.delay_times(30, "blocks(7)")
    lab.worker()
    wait_until(lambda: not _unended(lab), 30, "every job to end")

    def runs() -> int:
        return int(advice(lab).get("blocks", {}).get("sufficiency", {}).get("runs", 0))

    wait_until(lambda: runs() == 30, 10, "the measurements to be in the store")
    found = advice(lab)["blocks"]
    # One after another, at 0.11 s each, whenever their ends were told.
    assert 1 < found["evidence"]["rate"] < 9.1
    told = " ".join(lab.run("explain", "lab.blocks").stdout.split())
    busy = re.search(r"keeps its event loop busy ([0-9.]+) % of the time", told)
    assert busy is not None, told
    assert 90 < float(busy[1]) <= 100


def test_a_burst_is_billed_for_the_line_that_it_makes(lab: Story) -> None:
    lab.worker()
    size = 20
    for _ in range(2):
        lab.delay_times(size, "blocks_shortly(7)")
        wait_until(lambda: not _unended(lab), 30, "every job to end")

    def found() -> dict[str, Any]:
        return advice(lab).get("blocks_shortly", {})

    wait_until(
        lambda: found().get("sufficiency", {}).get("runs") == 2 * size,
        10,
        "the measurements to be in the store",
    )
    lag, evidence = found()["lag"], found()["evidence"]
    step = evidence["step_max"]["mean_ms"]
    # Who comes at any moment of a burst finds half of it in line, and nobody at any other.
    line = lag["busy_share"] * size * step / 2
    assert 0.5 * line < lag["lag_ms"] < 2 * line
    # The last of a burst waited for all others, though all were told to have started at once.
    assert evidence["wait"]["longest_ms"] > 0.5 * size * step


def test_an_async_attempt_tells_its_cpu_time(lab: Story) -> None:
    lab.worker()
    record = lab.wait_for(lab.delay("waits(1)"), "succeeded")
    assert record["state"] == "succeeded"
    assert record["wall_ms"] >= 50


@pytest.mark.parametrize("task", ["odd_async", "odd_thread", "odd_process"])
def test_no_text_of_an_exceptions_class_keeps_its_end_from_being_told(
    lab: Story, task: str
) -> None:
    lab.worker()
    record = lab.wait_for(lab.delay(f"{task}()"), "failed")
    assert record["failure"]["code"] == "LW2010"
    assert record["failure"]["message"] == "no text of its own"
