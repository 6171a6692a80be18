"""`laneway.map`, the plain loop, and the best by hand, in turn: HTTP, computing, trivial work.

The HTTP server is a real one on this machine, in a process of its own, that answers after a delay.
`ideal` is the loop's time divided by what runs at once: rounds of calls for waiting work, cores for
computing. `by hand` is a thread pool, a semaphore with `gather`, or a process pool: it shows what
the machine can give at that moment, which is less than ideal when others use it, too.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import harness

import laneway

SERVER = """
import asyncio, sys
async def answer(reader, writer):
    while await reader.readuntil(b"\\r\\n\\r\\n"):
        await asyncio.sleep(float(sys.argv[1]))
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}")
        await writer.drain()
        break
    writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
port = 0
PAIRS = 3


@dataclass
class Row:
    """One comparison, in seconds."""

    name: str
    loop: float
    hand: float
    map: float
    ideal: float
    lane: str


def get(_item: int) -> int:
    """One call by the standard library's blocking client."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    status = connection.getresponse().status
    connection.close()
    return status


async def get_async(_item: int) -> int:
    """The same without blocking."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    status = int((await reader.readline()).split()[1])
    await reader.read()
    writer.close()
    return status


def primes(limit: int) -> int:
    """Pure Python that computes."""
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))


def nothing(item: int) -> int:
    """As little as a function can do."""
    return item


def seconds(call: Callable[[], Any]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compare(
    name: str, loop: Callable[[], Any], hand: Callable[[], Any], call: Callable[[], Any]
) -> Row:
    """Pairs in turn, the median of each. The ideal is left at the loop's time."""
    lanes: set[str] = set()
    loops: list[float] = []
    hands: list[float] = []
    maps: list[float] = []
    for _ in range(PAIRS):
        loops.append(seconds(loop))
        hands.append(seconds(hand))
        maps.append(seconds(lambda: lanes.add(call().lane)))
    middle = [harness.quantile(times, 0.5) for times in (loops, hands, maps)]
    return Row(name, *middle, ideal=middle[0], lane="/".join(sorted(lanes)))


def http_rows(calls: int) -> list[Row]:
    """Waiting work. The plain loop makes a tenth of the calls and is multiplied."""
    sample = max(1, calls // 10)

    def plain() -> None:
        for item in range(sample):
            get(item)

    async def plain_async() -> None:
        for item in range(sample):
            await get_async(item)

    async def by_hand(width: int) -> None:
        places = asyncio.Semaphore(width)

        async def one(item: int) -> int:
            async with places:
                return await get_async(item)

        await asyncio.gather(*(one(item) for item in range(calls)))

    def pool(width: int) -> list[int]:
        with ThreadPoolExecutor(width) as threads:
            return list(threads.map(get, range(calls)))

    cases: list[tuple[str, int, int | None]] = [
        ("threads, 32", 32, 32),
        ("threads, width chosen", 64, None),
        ("async, 100", 100, 100),
    ]
    rows: list[Row] = []
    for name, width, bound in cases:
        is_async = name.startswith("async")
        row = compare(
            f"{calls} HTTP calls, {name}",
            (lambda: asyncio.run(plain_async())) if is_async else plain,
            lambda width=width, is_async=is_async: (
                asyncio.run(by_hand(width)) if is_async else pool(width)
            ),
            lambda bound=bound, is_async=is_async: (
                laneway.map(get_async, range(calls), concurrency=bound, progress=False)
                if is_async
                else laneway.map(get, range(calls), concurrency=bound, progress=False)
            ),
        )
        row.loop *= calls / sample
        row.ideal = row.loop / calls * math.ceil(calls / width)
        rows.append(row)
    return rows


def computing_row(items: int) -> Row:
    """Computing work. By hand is a pool; its start counts, too."""
    limit = 2_000
    while seconds(functools.partial(primes, limit)) < 0.1:
        limit = int(limit * 1.2)
    cores = len(os.sched_getaffinity(0))

    def pool() -> list[int]:
        with multiprocessing.get_context("fork").Pool(cores) as processes:
            return processes.map(primes, [limit] * items, chunksize=1)

    row = compare(
        f"{items} x 0.1 s of pure Python",
        lambda: [primes(limit) for _ in range(items)],
        pool,
        lambda: laneway.map(primes, [limit] * items, progress=False),
    )
    row.ideal = row.loop / cores
    return row


def trivial_rows() -> list[Row]:
    """Work that needs no lane: the best by hand is the loop."""
    rows: list[Row] = []
    for count in (10, 1_000, 1_000_000):

        def loop(count: int = count) -> list[int]:
            return [nothing(item) for item in range(count)]

        def call(count: int = count) -> laneway.MapResult[int]:
            return laneway.map(nothing, range(count), progress=False)

        rows.append(compare(f"{count:,} trivial items", loop, loop, call))
    return rows


def main() -> None:
    """Prints the table."""
    options = harness.arguments(__doc__, calls=640, delay_ms=100, items=40)
    harness.header("laneway.map and the plain loop")
    global port  # noqa: PLW0603 - the functions that are mapped take one argument
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(options.delay_ms / 1e3)], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        rows = [*http_rows(options.calls), computing_row(options.items), *trivial_rows()]
    finally:
        server.kill()
        server.wait()
    print(f"{'work':36} {'loop s':>9} {'ideal s':>9} {'by hand s':>9} {'map s':>9}  of ideal  lane")
    for row in rows:
        times = f"{row.loop:9.4f} {row.ideal:9.4f} {row.hand:9.4f} {row.map:9.4f}"
        print(f"{row.name:36} {times}  {row.ideal / row.map:8.0%}  {row.lane}")


if __name__ == "__main__":
    main()
