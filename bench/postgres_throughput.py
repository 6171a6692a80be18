"""No-op async jobs on PostgreSQL with synchronous commits: drain rate, and with a held snapshot.

It starts a server of its own, in a temporary folder. The second part drains while a transaction
holds an old snapshot, so that no dead row can go, and shows what is left of the rate in the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import bench_app
import harness
import psycopg

import laneway

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from servers import PostgresServer

SAMPLE_S = 5.0


async def enqueue_many(app: laneway.Laneway, jobs: int) -> float:
    """Jobs a second of one streaming `enqueue_many`."""
    began = time.perf_counter()
    await app.enqueue_many((bench_app.nothing.call(i) for i in range(jobs)), ids=False)
    return jobs / (time.perf_counter() - began)


def succeeded(store: str) -> int:
    """How many jobs of the benchmark's queue have succeeded."""
    lines = harness.cli(store, "--json", "queues", "list").splitlines()
    queues = [json.loads(line) for line in lines]
    return sum(queue["counts"]["succeeded"] for queue in queues)


async def drain(server: PostgresServer, store: str, jobs: int) -> None:
    """Prints the rate of one drain, and the CPU time of both sides."""
    print(f"enqueue_many            {await enqueue_many(bench_app.app, jobs):>10,.0f} jobs/s")
    last = await bench_app.nothing.options(priority=-100).enqueue(-1)
    harness.cli(store, "queues", "pause", "default")
    with harness.worker(harness.HERE / "bench_app.py", store, "--queue", "default") as worker:
        before, began = worker.usage(), time.perf_counter()
        server_before = harness.usage(server.pid)
        harness.cli(store, "queues", "resume", "default")
        await last.result(timeout=600)
        seconds, after = time.perf_counter() - began, worker.usage()
        server_after = harness.usage(server.pid)
        print(f"drain                   {jobs / seconds:>10,.0f} jobs/s  ({jobs:,} jobs)")
        cpu = (after.cpu_s - before.cpu_s) / jobs * 1e6
        print(f"CPU per job, worker     {cpu:>10.1f} us")
        cpu = (server_after.cpu_s - server_before.cpu_s) / jobs * 1e6
        print(f"CPU per job, server     {cpu:>10.1f} us")
        waits: list[float] = []
        for _ in range(200):
            await asyncio.sleep(0.005)
            job = await bench_app.stamp.enqueue(time.time())
            waits.append(await job.result(timeout=10))
        print(f"idle enqueue-to-start   {harness.quantile(waits, 0.5) * 1e3:>10.3f} ms p50")
        print(f"                        {harness.quantile(waits, 0.99) * 1e3:>10.3f} ms p99")


async def drain_held(server: PostgresServer, store: str, jobs: int, seconds: int) -> None:
    """Prints the rate every few seconds while a snapshot is held."""
    harness.cli(store, "queues", "pause", "default")
    await enqueue_many(bench_app.app, jobs)
    with psycopg.connect(server.url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        with harness.worker(harness.HERE / "bench_app.py", store, "--queue", "default"):
            seen, at = succeeded(store), time.perf_counter()
            began = at
            harness.cli(store, "queues", "resume", "default")
            # A rate of a line that has run dry would say nothing.
            while time.perf_counter() - began < seconds and seen < jobs:
                await asyncio.sleep(SAMPLE_S)
                count, now = succeeded(store), time.perf_counter()
                rate = (count - seen) / (now - at)
                print(f"held for {now - began:>5.0f} s        {rate:>10,.0f} jobs/s", flush=True)
                seen, at = count, now


def main() -> None:
    """Prints the figures."""
    options = harness.arguments(__doc__, jobs=100_000, held_jobs=2_600_000, held_seconds=60)
    harness.header("No-op async jobs on PostgreSQL, synchronous_commit on")
    with PostgresServer() as server:
        store = server.url
        os.environ["LANEWAY_STORE"] = store
        asyncio.run(drain(server, store, options.jobs))
        if options.held_seconds:
            asyncio.run(drain_held(server, store, options.held_jobs, options.held_seconds))


if __name__ == "__main__":
    main()
