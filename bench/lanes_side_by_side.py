"""Does computing disturb waiting? Async jobs of 50 ms at 100/s, alone and beside a full lane.

The full lane is the process lane. Also the other way round: how much computing is done beside the
waiting jobs, against computing alone. One worker, default settings.
"""

from __future__ import annotations

import asyncio
import os
import time

import bench_app
import harness

from laneway import Job

CHUNK_S = 0.1


async def waiting(seconds: float) -> list[float]:
    """Sends 50 ms jobs at 100 a second; gives the time from sending to the end of each."""
    jobs: list[Job[float]] = []
    began = time.perf_counter()
    for i in range(int(seconds * 100)):
        await asyncio.sleep(max(0.0, began + i / 100 - time.perf_counter()))
        jobs.append(await bench_app.wait_from.enqueue(time.time(), 0.05))
    return [await job.result(timeout=60) for job in jobs]


async def computing(seconds: float, rounds: int) -> float:
    """Keeps the process lane full for so long; gives jobs done a second."""
    cores = os.cpu_count() or 1
    began, done = time.perf_counter(), 0

    async def one_line() -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            await (await bench_app.spin.enqueue(rounds)).result(timeout=60)
            done += 1

    # Three lines a core: there is always a job waiting, so the lane never idles.
    await asyncio.gather(*(one_line() for _ in range(3 * cores)))
    return done / (time.perf_counter() - began)


def rounds_of(seconds: float) -> int:
    """How many rounds of `spin` take so long on this machine."""
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 0.5:
        bench_app.spin(10)
        rounds += 10
    return max(1, int(rounds * seconds / (time.perf_counter() - began)))


def show(name: str, spent: list[float]) -> None:
    """Prints the quantiles of a list of seconds."""
    p50, p99 = harness.quantile(spent, 0.5) * 1e3, harness.quantile(spent, 0.99) * 1e3
    print(f"{name:<34} p50 {p50:7.2f} ms   p99 {p99:7.2f} ms   n {len(spent)}")


async def measure(seconds: float) -> None:
    """Runs the three parts in turn and prints them."""
    rounds = rounds_of(CHUNK_S)
    await waiting(2)
    await computing(2, rounds)
    show("waiting alone", await waiting(seconds))
    alone = await computing(seconds, rounds)
    spent, beside = await asyncio.gather(waiting(seconds), computing(seconds, rounds))
    show("waiting beside full computing", spent)
    print(f"{'computing alone':<34} {alone:6.2f} jobs/s")
    print(f"{'computing beside waiting':<34} {beside:6.2f} jobs/s   {beside / alone:.1%}")


def main() -> None:
    """Prints the figures."""
    options = harness.arguments(__doc__, seconds=15)
    harness.header("Waiting beside computing in one worker")
    with harness.fresh_store() as store:
        os.environ["LANEWAY_STORE"] = store
        with harness.worker(harness.HERE / "bench_app.py", store):
            asyncio.run(measure(options.seconds))


if __name__ == "__main__":
    main()
