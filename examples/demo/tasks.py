"""The demo's tasks: one that waits, one that blocks, one that computes, one in the wrong lane.

One worker runs them all.

The API's address comes from the environment, as configuration of a real service would.
"""

from __future__ import annotations

import ast
import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import requests
import requests.adapters

from laneway import Backoff, Laneway, Rate, inject

API = os.environ.get("DEMO_API", "http://127.0.0.1:8099")

app = Laneway()


@app.resource
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """One connection pool for every async attempt of a runner."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(API, connector=connector) as session:
        yield session


@app.resource
def blocking_http() -> Iterator[requests.Session]:
    """One connection pool for every thread of a runner."""
    with requests.Session() as session:
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=64)
        session.mount("http://", adapter)
        yield session


@app.task(
    retry=Backoff(5, first="500ms", cap="5s"),
    timeout="30s",
    limit=Rate("120/s", burst=20, key="records-api"),
)
async def update_record(number: int, http: aiohttp.ClientSession = inject(http)) -> int:
    """Waits for an API: the async lane. The rate limit is kept by the store, for all workers."""
    async with http.put(f"/records/{number}") as answer:
        answer.raise_for_status()
        return int((await answer.json())["version"])


@app.task(lane="thread", retry=Backoff(5, first="500ms", cap="5s"), timeout="30s")
def fetch_report(number: int, http: requests.Session = inject(blocking_http)) -> int:
    """Waits for an API through a blocking client: the thread lane."""
    answer = http.get(f"{API}/reports/{number}", timeout=20)
    answer.raise_for_status()
    return int(answer.json()["version"])


@app.task
def digest_source(path: Path) -> tuple[int, int, str]:
    """Computes: reads, parses, compresses and hashes a source file in the process lane."""
    source = path.read_bytes()
    try:
        nodes = sum(1 for _ in ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        # The standard library ships a few files that are wrong on purpose.
        nodes = 0
    packed = zlib.compress(source, level=9)
    return nodes, len(packed), hashlib.sha256(source).hexdigest()


@app.task(retry=Backoff(5, first="500ms", cap="5s"), timeout="30s")
def notify_mirror(number: int) -> int:
    """Waits for an API in a process, the first lane of a plain `def`: wrong, and on purpose.

    It keeps a core's place and uses none of it. `laneway advise` finds that out.
    """
    answer = requests.get(f"{API}/reports/{number}", timeout=20)
    answer.raise_for_status()
    return int(answer.json()["version"])
