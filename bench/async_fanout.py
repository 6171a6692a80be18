"""Thousands of waiting jobs at once: 5,000 async jobs of 200 ms, and the memory they take."""

from __future__ import annotations

import asyncio
import os
import time

import bench_app
import harness


async def fan_out(jobs: int, seconds: float) -> float:
    """The time from the first enqueue to the last result."""
    began = time.perf_counter()
    sent = await bench_app.app.enqueue_many(bench_app.wait.call(seconds) for _ in range(jobs))
    await asyncio.gather(*(job.result(timeout=120) for job in sent))
    return time.perf_counter() - began


def measure(jobs: int, *arguments: str) -> None:
    """Prints the time and the memory of one setting, best of three."""
    with harness.fresh_store() as store:
        os.environ["LANEWAY_STORE"] = store
        with harness.worker(harness.HERE / "bench_app.py", store, *arguments) as worker:
            idle = worker.usage()
            bench_app.app.close()
            times = [asyncio.run(fan_out(jobs, 0.2)) for _ in range(3)]
            peak = worker.usage()
    name = " ".join(arguments) or "defaults"
    print(
        f"{name:<28} {min(times):6.3f} s best of {[f'{t:.3f}' for t in times]}   "
        f"idle {idle.pss_mb:.0f} MB, after {peak.pss_mb:.0f} MB in {peak.processes} processes"
    )


def main() -> None:
    """Prints the figures."""
    options = harness.arguments(__doc__, jobs=5000)
    harness.header("5,000 async jobs of 200 ms")
    measure(options.jobs)
    measure(options.jobs, "--concurrency-async", str(options.jobs))


if __name__ == "__main__":
    main()
