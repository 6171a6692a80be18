"""No-op async jobs: enqueue rates, drain rate, CPU per job over the worker tree, latencies."""

from __future__ import annotations

import asyncio
import json
import os
import time

import bench_app
import harness

import laneway


async def enqueue_many(app: laneway.Laneway, jobs: int) -> float:
    """Jobs a second of one streaming `enqueue_many`."""
    began = time.perf_counter()
    await app.enqueue_many((bench_app.nothing.call(i) for i in range(jobs)), ids=False)
    return jobs / (time.perf_counter() - began)


async def measure(own: harness.OwnStore, jobs: int, singles: int) -> None:
    """Runs every part against one store and prints its figures."""
    store, server_before = own.url, own.server_cpu_s()
    rate = await enqueue_many(bench_app.app, jobs)
    print(f"enqueue_many            {rate:>10,.0f} jobs/s")
    if own.server is not None:
        cpu = (own.server_cpu_s() - server_before) / jobs * 1e6
        print(f"CPU per enqueue, server {cpu:>10.1f} us")

    spent: list[float] = []
    for i in range(singles):
        began = time.perf_counter()
        await bench_app.nothing.options(queue="unheard").enqueue(i)
        spent.append(time.perf_counter() - began)
    print(f"awaited enqueue p50     {harness.quantile(spent, 0.5) * 1e3:>10.3f} ms")
    print(f"awaited enqueue p99     {harness.quantile(spent, 0.99) * 1e3:>10.3f} ms")

    last = await bench_app.nothing.options(priority=-100).enqueue(-1)
    # The worker starts beside a paused line, so that its start-up is not part of the drain.
    harness.cli(store, "queues", "pause", "default")
    with harness.worker(harness.HERE / "bench_app.py", store, "--queue", "default") as worker:
        server_before = own.server_cpu_s()
        before, began = worker.usage(), time.perf_counter()
        harness.cli(store, "queues", "resume", "default")
        await last.result(timeout=300)
        seconds, after = time.perf_counter() - began, worker.usage()
        server_cpu = (own.server_cpu_s() - server_before) / jobs * 1e6
        counts = json.loads(harness.cli(store, "--json", "queues", "list").splitlines()[0])[
            "counts"
        ]
        assert counts["succeeded"] == jobs + 1, counts
        cpu = (after.cpu_s - before.cpu_s) / jobs * 1e6
        print(f"drain                   {jobs / seconds:>10,.0f} jobs/s  ({jobs:,} jobs)")
        print(f"CPU per job, whole tree {cpu:>10.1f} us")
        if own.server is not None:
            print(f"CPU per job, server     {server_cpu:>10.1f} us")
        print(f"memory of the tree      {after.pss_mb:>10.1f} MB in {after.processes} processes")

        waits: list[float] = []
        for _ in range(singles):
            await asyncio.sleep(0.005)
            job = await bench_app.stamp.enqueue(time.time())
            waits.append(await job.result(timeout=10))
        print(f"idle enqueue-to-start   {harness.quantile(waits, 0.5) * 1e3:>10.3f} ms p50")
        print(f"                        {harness.quantile(waits, 0.99) * 1e3:>10.3f} ms p99")


def main() -> None:
    """Prints the figures."""
    options = harness.arguments(__doc__, jobs=200_000, singles=500, store="sqlite")
    harness.header(f"No-op async jobs on {options.store}, durability os")
    with harness.fresh_server(options.store) as own:
        os.environ["LANEWAY_STORE"] = own.url
        asyncio.run(measure(own, options.jobs, options.singles))


if __name__ == "__main__":
    main()
