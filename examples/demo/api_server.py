"""A small HTTP API to call: about 200 ms slow, and strict about its rate limit.

Run as its own process: `python api_server.py --port 0 --rate 200`; it prints its port as one line.

| route | what |
|---|---|
| `PUT /records/{number}` | updates a record; 429 above the rate limit |
| `GET /reports/{number}` | a slow report; 429 above the rate limit |
| `GET /stats` | what was asked: calls, refusals, and how often each record was updated |
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter, deque

from aiohttp import web

LATENCY_S = 0.2


class Api:
    """Counts what is asked of it, and refuses what comes too fast."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.recent: deque[float] = deque()
        self.updates: Counter[int] = Counter()
        self.reports: Counter[int] = Counter()
        self.refused = 0

    def admit(self) -> bool:
        """Whether a call fits into the rate: so many in any window of one second."""
        now = time.monotonic()
        while self.recent and self.recent[0] <= now - 1:
            self.recent.popleft()
        if len(self.recent) >= self.rate:
            self.refused += 1
            return False
        self.recent.append(now)
        return True

    async def answer(self, counter: Counter[int], number: int) -> web.Response:
        """Takes its time, then answers and counts; or refuses at once."""
        if not self.admit():
            return web.json_response({"error": "too many requests"}, status=429)
        await asyncio.sleep(random.uniform(0.8, 1.2) * LATENCY_S)
        counter[number] += 1
        return web.json_response({"number": number, "version": counter[number]})

    async def put_record(self, request: web.Request) -> web.Response:
        """Updates a record."""
        return await self.answer(self.updates, int(request.match_info["number"]))

    async def get_report(self, request: web.Request) -> web.Response:
        """Makes a report."""
        return await self.answer(self.reports, int(request.match_info["number"]))

    async def get_stats(self, _request: web.Request) -> web.Response:
        """Tells what was asked."""
        return web.json_response(
            {
                "refused": self.refused,
                "updates": dict(self.updates),
                "reports": dict(self.reports),
            }
        )


async def serve(port: int, rate: int) -> None:
    """Serves on the loopback interface until it is terminated."""
    api = Api(rate)
    app = web.Application()
    app.router.add_put("/records/{number:\\d+}", api.put_record)
    app.router.add_get("/reports/{number:\\d+}", api.get_report)
    app.router.add_get("/stats", api.get_stats)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=int, default=200)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.rate))


if __name__ == "__main__":
    main()
