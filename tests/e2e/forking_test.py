"""Tasks may fork, whatever the threads of their runner do at that moment."""

from __future__ import annotations

import pytest
from stories import Story, wait_until

APP = """
import multiprocessing, os, signal, time
from laneway import Laneway, current
app = Laneway(name="lab")

def ends(child: int) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False

def tell() -> None:
    current.progress(1, of=2, note="in a child")

def hung(forks: int) -> int:
    count = 0
    for number in range(forks):
        current.progress(number, of=forks)
        child = os.fork()
        if child == 0:
            try:
                tell()
            finally:
                os._exit(0)
        count += not ends(child)
    return count

@app.task(lane="thread")
def forks_in_a_thread(forks: int) -> int:
    return hung(forks)

@app.task
def forks_in_a_process(forks: int) -> int:
    return hung(forks)

@app.task
async def forks_on_the_loop(forks: int) -> int:
    return hung(forks)

@app.task(lane="thread")
def starts_a_process(n: int) -> int:
    process = multiprocessing.get_context("fork").Process(target=tell)
    process.start()
    process.join(10)
    if process.exitcode is None:
        process.kill()
        return 1
    return 0
"""

TASKS = ("forks_in_a_thread", "forks_in_a_process", "forks_on_the_loop", "starts_a_process")


@pytest.fixture
def lab_source() -> str:
    return APP


@pytest.mark.timeout(90)
def test_the_children_of_tasks_end_and_the_tasks_go_on(lab: Story) -> None:
    lab.worker()
    jobs = {task: lab.delay_times(8, f"{task}(20)") for task in TASKS}
    states = {"ready", "scheduled", "running"}

    def are_over() -> bool:
        seen = lab.json("jobs", "list", "--limit", "1000")
        return not any(job["state"] in states for job in seen)

    wait_until(are_over, 60, "every job to end")
    for task, ids in jobs.items():
        found = [lab.job(id) for id in ids]
        assert [job["state"] for job in found] == ["succeeded"] * 8, task
        assert [job["result"] for job in found] == [0] * 8, task
