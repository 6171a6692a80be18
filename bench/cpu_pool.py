"""CPU jobs of 100 ms in the process lane and in a plain `multiprocessing.Pool`, in turn."""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.pool
import os
import time

import bench_app
import harness
from lanes_side_by_side import CHUNK_S, rounds_of


async def laneway_seconds(jobs: int, rounds: int) -> float:
    """The time from the first enqueue to the last result."""
    began = time.perf_counter()
    sent = await bench_app.app.enqueue_many(bench_app.spin.call(rounds) for _ in range(jobs))
    await asyncio.gather(*(job.result(timeout=120) for job in sent))
    return time.perf_counter() - began


def pool_seconds(pool: multiprocessing.pool.Pool, jobs: int, rounds: int) -> float:
    """The same by a pool that is already started."""
    began = time.perf_counter()
    pool.map(bench_app.rounds_of_work, [rounds] * jobs, chunksize=1)
    return time.perf_counter() - began


def main() -> None:
    """Prints the figures, three pairs in turn."""
    options = harness.arguments(__doc__, jobs=60, pairs=3)
    harness.header("CPU jobs of 100 ms: process lane and multiprocessing.Pool")
    rounds, cores = rounds_of(CHUNK_S), os.cpu_count() or 1
    context = multiprocessing.get_context("fork")
    with harness.fresh_store() as store, context.Pool(cores) as pool:
        os.environ["LANEWAY_STORE"] = store
        pool_seconds(pool, cores, rounds)
        with harness.worker(harness.HERE / "bench_app.py", store):
            asyncio.run(laneway_seconds(cores, rounds))
            ratios: list[float] = []
            for _ in range(options.pairs):
                plain = pool_seconds(pool, options.jobs, rounds)
                ours = asyncio.run(laneway_seconds(options.jobs, rounds))
                ratios.append(ours / plain)
                print(f"pool {plain:6.3f} s   laneway {ours:6.3f} s   ratio {ours / plain:.3f}")
    print(f"median ratio {harness.quantile(ratios, 0.5):.3f}")


if __name__ == "__main__":
    main()
