"""A rate limit is reached though another lane of the worker has more work than it can do.

Each claim told the worker when the next permit comes, for all lanes, though it had asked for one:
as long as processes had a backlog, jobs that waited for a permit got none.
"""

from __future__ import annotations

import pytest
from stories import Story, wait_until

RATE = 20
"""Permits a second, and how many of them may be saved: a stall of a second costs none."""

JOBS = 80

LAB = f"""
import asyncio, time
from laneway import Laneway, Rate

app = Laneway()

@app.task(queue="paced", limit=Rate("{RATE}/s", burst={RATE}, key="async"))
async def paced(n: int) -> float:
    return time.monotonic()

@app.task(queue="paced", limit=Rate("{RATE}/s", burst={RATE}, key="thread"), lane="thread")
def paced_in_thread(n: int) -> float:
    return time.monotonic()

@app.task(queue="backlog")
def long_in_process(n: int) -> None:
    time.sleep(0.05)

@app.task(queue="backlog")
async def long_on_loop(n: int) -> None:
    await asyncio.sleep(0.05)
"""


@pytest.fixture
def lab_source() -> str:
    """The application of these tests."""
    return LAB


def count(story: Story, queue: str, state: str) -> int:
    """So many jobs of a queue are in a state."""
    listed = {line["name"]: line for line in story.json("queues", "list")}
    return listed[queue]["counts"][state] if queue in listed else 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("paced", "backlog", "flags"),
    [
        ("paced", "long_in_process", ("--concurrency-process", "2")),
        ("paced_in_thread", "long_on_loop", ("--concurrency-async", "2")),
    ],
)
def test_a_limited_lane_reaches_its_rate_beside_a_busy_one(
    lab: Story, paced: str, backlog: str, flags: tuple[str, ...]
) -> None:
    # Two at a time need a minute for them.
    lab.python(f"m.app.delay_many((m.{backlog}.call(n) for n in range(2_400)), ids=False)")
    lab.worker(*flags)
    wait_until(lambda: count(lab, "backlog", "succeeded") > 0, 30, "the backlog to begin")
    ids = lab.python(f"print(*m.app.delay_many(m.{paced}.call(n) for n in range({JOBS})).ids)")
    wait_until(lambda: count(lab, "paced", "succeeded") == JOBS, 45, "the limited jobs to run")
    told = lab.python(f"for id in {ids!r}.split(): print(m.app.job(id, float).wait(timeout=5))")
    starts = sorted(map(float, told.split()))
    assert count(lab, "backlog", "ready") > 0, "the other lane was busy to the end"
    # The bug gave none. Half of them leave room for a machine that has other things to do.
    assert len(starts) >= RATE / 2 * (starts[-1] - starts[0]), starts
