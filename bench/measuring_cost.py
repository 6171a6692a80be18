"""What being measured costs a job that does nothing: drains with and without the meter, in pairs.

Both drains run in the same minute against stores of their own, in an order that changes. What is
taken out is all that a runner does for the measurement of an attempt. The supervisor's part, a
histogram of waits, stays in both.
"""

from __future__ import annotations

import asyncio
import statistics

import bench_app
import harness

from laneway import Laneway

APPS = ("bench_app.py", "unmeasured_app.py")


async def cpu_per_job(store: str, application: str, jobs: int) -> float:
    """Microseconds of CPU that the whole tree of a worker spends on a job."""
    app = Laneway(store=store)

    @app.task(name=bench_app.nothing.name)
    async def nothing(number: int) -> None: ...

    await app.enqueue_many((nothing.call(i) for i in range(jobs)), ids=False)
    last = await nothing.options(priority=-100).enqueue(-1)
    harness.cli(store, "queues", "pause", "default")
    with harness.worker(harness.HERE / application, store, "--queue", "default") as worker:
        # Calibration, half a second after the start, is no part of a job's price.
        await asyncio.sleep(1.5)
        before = worker.usage()
        harness.cli(store, "queues", "resume", "default")
        await last.result(timeout=300)
        spent = worker.usage().cpu_s - before.cpu_s
    app.close()
    return spent / jobs * 1e6


def main() -> None:
    """Prints the figures."""
    options = harness.arguments(__doc__, jobs=200_000, pairs=7)
    harness.header("No-op async jobs, measured and not, on the embedded store, durability os")
    seen: dict[str, list[float]] = {application: [] for application in APPS}
    for pair in range(options.pairs):
        for application in APPS if pair % 2 else APPS[::-1]:
            with harness.fresh_store() as store:
                seen[application].append(asyncio.run(cpu_per_job(store, application, options.jobs)))
        measured, plain = (seen[application][-1] for application in APPS)
        print(f"pair {pair + 1}: measured {measured:.2f} us, not {plain:.2f} us")
    measured, plain = (seen[application] for application in APPS)
    ratios = [one / other for one, other in zip(measured, plain, strict=True)]
    low, middle, high = statistics.quantiles([ratio * 100 - 100 for ratio in ratios], n=4)
    print(f"\nCPU per job, median     {statistics.median(measured):>10.2f} us measured")
    print(f"                        {statistics.median(plain):>10.2f} us not")
    print(f"price of measuring      {middle:>+10.1f} %  (middle half {low:+.1f} to {high:+.1f} %)")


if __name__ == "__main__":
    main()
