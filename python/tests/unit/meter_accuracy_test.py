"""The meter's figures are true: alone, with a thread that wants the GIL, beside a busy process.

Machines that run tests are noisy, so what another process can lengthen (waiting) is bounded from
below only, and CPU time, which the system counts, from both sides.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time

import pytest

from bench.known_load import MS, block, burn, cpu_hogs, gil_hog, known
from laneway._bridge import Account, ThreadClocks, thread_schedules
from laneway._metering import metered

PLANS = [(40, 0, 0), (20, 30, 0), (60, 0, 30), (9, 5, 20), (0, 0, 30)]


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("hog", ["nobody", "a GIL hog", "a CPU hog"])
def test_known_times_are_read(plan: tuple[float, float, float], hog: str) -> None:
    if hog == "a CPU hog" and not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot pin a process")
    account = Account("known")
    places = {
        "nobody": contextlib.nullcontext,
        "a GIL hog": gil_hog,
        "a CPU hog": lambda: cpu_hogs(1),
    }
    with places[hog]():
        spent = asyncio.run(metered(known(*plan), account))
    wall, in_steps, cpu, blocked, awaited, delay, longest, steps, squares = account.reading()
    cpu_ms, block_ms, await_ms = plan
    # What it spends beside burning is the price of sleeping and of being woken.
    assert cpu_ms * MS <= spent
    assert abs(cpu - spent) <= max(spent * 0.05, MS)
    assert blocked >= block_ms * MS * 0.95 - MS
    assert awaited >= await_ms * MS * 0.95
    if hog == "a CPU hog" and sys.platform == "linux":
        assert delay is not None
        # The hog takes about half of the processor. None of that may count as blocking, but sleeps
        # that last longer than asked do.
        assert blocked <= block_ms * MS * 1.05 + 5 * MS
        if cpu_ms >= 40:
            assert delay >= cpu_ms * MS / 4
    assert cpu + blocked + (delay or 0) == in_steps
    assert in_steps + awaited == wall
    assert 0 < longest <= in_steps
    # Squares are summed as floating-point numbers.
    assert longest**2 * 0.999 <= squares <= in_steps**2 * 1.001
    assert steps >= 1


def test_concurrent_tasks_share_the_wall_but_not_the_bill() -> None:
    accounts = {cpu_ms: Account(f"burns {cpu_ms}") for cpu_ms in (40, 20, 0)}

    async def together() -> None:
        await asyncio.gather(
            *(metered(known(cpu_ms, 0, 10), account) for cpu_ms, account in accounts.items())
        )

    before = time.thread_time_ns()
    asyncio.run(together())
    spent = time.thread_time_ns() - before
    measured = {cpu_ms: account.reading()[2] for cpu_ms, account in accounts.items()}
    for cpu_ms, cpu in measured.items():
        assert cpu >= cpu_ms * MS - MS
    assert sum(measured.values()) <= spent + MS


def test_many_short_steps_add_up() -> None:
    account = Account("short")

    async def short() -> None:
        for _ in range(5_000):
            sum(range(200))
            await asyncio.sleep(0)

    before = time.thread_time_ns()
    asyncio.run(metered(short(), account))
    spent = time.thread_time_ns() - before
    cpu, steps = account.reading()[2], account.reading()[7]
    assert steps == 5_001
    # The rest is the event loop's own work.
    assert spent / 4 < cpu <= spent


async def short_sleeps() -> int:
    """Steps that compute, sleep and compute; gives the CPU time of them all."""
    cpu = 0
    for _ in range(100):
        before = time.thread_time_ns()
        burn(0.3)
        block(0.2)
        burn(0.3)
        cpu += time.thread_time_ns() - before
        await asyncio.sleep(0)
    return cpu


def is_near(measured: int, spent: int) -> bool:
    return abs(measured - spent) <= max(spent * 0.05, MS)


@pytest.mark.parametrize("hog", ["nobody", "a CPU hog"])
def test_sleeps_within_short_steps_are_no_cpu_time(hog: str) -> None:
    if hog == "a CPU hog" and not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot pin a process")
    account = Account("short sleeps")
    with cpu_hogs(1) if hog == "a CPU hog" else contextlib.nullcontext():
        spent = asyncio.run(metered(short_sleeps(), account))
    cpu, blocked = account.reading()[2:4]
    assert is_near(cpu, spent)
    assert blocked >= 100 * 0.2 * MS * 0.95


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer")
def test_signals_do_not_blur_the_clocks() -> None:
    account = Account("signals")
    seen: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
    try:
        spent = asyncio.run(metered(known(60, 0, 10), account))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(seen) > 10
    assert is_near(account.reading()[2], spent)


def test_many_threads_are_measured_each_by_its_own_clock() -> None:
    wrong: list[tuple[int, int]] = []

    def run() -> None:
        account = Account("one of many")
        spent = asyncio.run(metered(known(10, 5, 5), account))
        cpu = account.reading()[2]
        if not is_near(cpu, spent):
            wrong.append((cpu, spent))

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class Elapsed:
    """What has passed on the clocks of this thread, in nanoseconds."""

    def __init__(self) -> None:
        self._clocks = ThreadClocks()
        self._before = self._clocks.read()

    def parts(self) -> tuple[int, int, int, int]:
        """Wall, CPU, run-queue delay, and the remainder."""
        wall, cpu, delay = self._clocks.read()
        before = self._before
        wall, cpu, delay = wall - before[0], cpu - before[1], (delay or 0) - (before[2] or 0)
        return wall, cpu, delay, wall - cpu - delay


def test_a_thread_tells_its_parts() -> None:
    measured: list[tuple[int, int, int, int]] = []

    def call() -> None:
        elapsed = Elapsed()
        burn(30)
        time.sleep(0.02)
        measured.append(elapsed.parts())

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    [(_, cpu, _, rest)] = measured
    assert 30 * MS <= cpu <= 30 * MS * 1.05 + 2 * MS
    assert rest >= 19 * MS
    assert (ThreadClocks().read()[2] is not None) == (sys.platform == "linux")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets others look")
def test_the_clocks_of_a_thread_are_read_by_another_until_it_ends() -> None:
    made: list[ThreadClocks] = []
    is_burning, is_seen = threading.Event(), threading.Event()

    def call() -> None:
        made.append(ThreadClocks())
        burn(20)
        is_burning.set()
        is_seen.wait(10)

    thread = threading.Thread(target=call)
    thread.start()
    assert is_burning.wait(10)
    [clocks] = made
    assert clocks.are_visible_to_others
    assert clocks.read()[1] >= 20 * MS
    assert thread_schedules().keys() >= {threading.get_native_id(), thread.native_id}
    is_seen.set()
    thread.join()
    # Python has joined it before the system has.
    until = time.monotonic() + 10
    while thread.native_id in thread_schedules():
        assert time.monotonic() < until
        time.sleep(0.001)
    with pytest.raises(OSError, match="Invalid argument"):
        clocks.read()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_a_starved_thread_knows_it() -> None:
    with cpu_hogs(2):
        elapsed = Elapsed()
        burn(60)
        wall, cpu, delay, rest = elapsed.parts()
    assert delay >= 30 * MS
    assert rest <= 3 * MS
    assert abs(cpu - 60 * MS) <= 3 * MS
    assert wall >= 90 * MS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_reads_its_own_clocks() -> None:
    burn(30)
    child = os.fork()
    if child == 0:
        elapsed = Elapsed()
        burn(10)
        cpu = elapsed.parts()[1]
        os._exit(0 if 9 * MS < cpu < 13 * MS else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_meters_by_its_own_clock() -> None:
    before = Account("before the fork")
    asyncio.run(metered(known(10, 0, 1), before))
    child = os.fork()
    if child == 0:
        account = Account("child")
        spent = asyncio.run(metered(known(10, 5, 5), account))
        os._exit(0 if is_near(account.reading()[2], spent) else 1)
    assert os.waitpid(child, 0)[1] == 0
