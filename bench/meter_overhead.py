"""What metering costs per coroutine step and per child task, and how true its figures are.

Bare and metered rounds alternate within one run; printed is the median of the differences between
neighbours.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import harness
from known_load import cpu_hogs, gil_hog, known

from laneway._bridge import Account, Meter, Watchdog
from laneway._metering import install, metered

TASKS = 20
STEPS = 1_000
CHILDREN = 2_000


@types.coroutine
def bare_yield() -> Generator[None, None, None]:
    """The cheapest step there is."""
    yield


async def stepping(steps: int) -> None:
    """Nothing but steps."""
    for _ in range(steps):
        await bare_yield()


async def nothing() -> None:
    """The shortest child task."""


def same(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """A bare round."""
    return coroutine


def in_a_meter(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """A metered round."""
    return metered(coroutine, Account("bench"))


def awaited_meter(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """As the runner meters: within a coroutine of its own."""

    async def attempt() -> None:
        await Meter(coroutine, Account("bench"))

    return attempt()


def awaited(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
    """The bare round to compare that with."""

    async def attempt() -> None:
        await coroutine

    return attempt()


async def steps_ns(wrap: Callable[[Coroutine[Any, Any, None]], Coroutine[Any, Any, None]]) -> float:
    """Time per step."""
    tasks = [asyncio.ensure_future(wrap(stepping(STEPS))) for _ in range(TASKS)]
    began = time.perf_counter_ns()
    await asyncio.gather(*tasks)
    return (time.perf_counter_ns() - began) / (TASKS * STEPS)


async def children_ns(*, is_metered: bool) -> float:
    """Time to create and await a child task."""
    loop = asyncio.get_running_loop()

    async def parent() -> float:
        began = time.perf_counter_ns()
        for _ in range(CHILDREN):
            await asyncio.create_task(nothing())
        return (time.perf_counter_ns() - began) / CHILDREN

    if not is_metered:
        return await parent()
    undo = install(loop)
    try:
        return await Meter(parent(), Account("bench"))
    finally:
        undo()


def compare(what: str, bare: list[float], with_meter: list[float]) -> None:
    """Prints one line."""
    differences = [one - other for one, other in zip(with_meter, bare, strict=True)]
    print(
        f"{what:<44} bare {harness.quantile(bare, 0.5):7.0f} ns   "
        f"metered {harness.quantile(differences, 0.5):+6.0f} ns   "
        f"(quartiles {harness.quantile(differences, 0.25):+.0f} … "
        f"{harness.quantile(differences, 0.75):+.0f})"
    )


def prices(name: str, loop: asyncio.AbstractEventLoop, rounds: int) -> None:
    """The price on one kind of loop."""
    run = loop.run_until_complete
    pairs = {
        f"{name}: a step of a metered task": (same, in_a_meter),
        f"{name}: a step of a metered await": (awaited, awaited_meter),
    }
    for what, (bare, meter) in pairs.items():
        run(steps_ns(bare))
        measured = [(run(steps_ns(bare)), run(steps_ns(meter))) for _ in range(rounds)]
        compare(what, [pair[0] for pair in measured], [pair[1] for pair in measured])
    watchdog = Watchdog()
    watchdog.start()
    measured = [(run(steps_ns(same)), run(steps_ns(in_a_meter))) for _ in range(rounds)]
    watchdog.stop()
    compare(
        f"{name}: a step of a metered, watched task",
        [pair[0] for pair in measured],
        [pair[1] for pair in measured],
    )
    measured = [
        (run(children_ns(is_metered=False)), run(children_ns(is_metered=True)))
        for _ in range(rounds)
    ]
    compare(
        f"{name}: create and await a child task",
        [pair[0] for pair in measured],
        [pair[1] for pair in measured],
    )
    loop.close()


def accuracy(place: str, surroundings: contextlib.AbstractContextManager[None]) -> None:
    """Prints what is known of some tasks beside what was measured."""
    plans = [(40, 0, 0), (20, 30, 0), (80, 0, 50), (9, 5, 20), (0, 0, 50)]
    print(f"\n{place}: milliseconds, known → measured (delay: ready, but without a processor)")
    with surroundings:
        for plan in plans:
            account = Account("known")
            asyncio.run(metered(known(*plan), account))
            _, _, cpu, blocked, awaited_ns, delay, *_ = account.reading()
            print(
                f"  cpu {plan[0]:3d} → {cpu / 1e6:6.1f}   blocked {plan[1]:3d} → "
                f"{blocked / 1e6:6.1f}   awaited {plan[2]:3d} → {awaited_ns / 1e6:6.1f}   "
                f"delay {(delay or 0) / 1e6:6.1f}"
            )


def main() -> None:
    """Prints the figures."""
    options = harness.arguments(__doc__, rounds=41)
    harness.header("The meter")
    prices("asyncio", asyncio.new_event_loop(), options.rounds)
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - it is optional

        prices("uvloop", uvloop.new_event_loop(), options.rounds)
    accuracy("alone", contextlib.nullcontext())
    accuracy("beside a thread that wants the GIL", gil_hog())
    accuracy("beside a process on the same processor", cpu_hogs(1))


if __name__ == "__main__":
    main()
