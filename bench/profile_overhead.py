"""What `laneway profile` costs a FastAPI application under load.

Each round starts three servers: two plain ones and a profiled one. They get the same requests in
turn, in an order that changes. Compared are the time for the requests, and the CPU time of the
server with all threads of the profiler. The same program runs up to a tenth faster or slower from
one start to the next, as its memory happens to lie, so there are many rounds, and the second plain
server shows what of a difference is chance.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import harness

CONNECTIONS = 16
WARM_UP = 960


class Server:
    """A uvicorn with the application, profiled or not."""

    def __init__(self, folder: str, *, is_profiled: bool) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "uvicorn", "profile_app:app", "--port", str(self.port)]
        command += ["--log-level", "warning", "--no-access-log"]
        if is_profiled:
            report = f"{folder}/report.json"
            profile = [*harness.laneway_command(), "profile", "--json", "--out", report, "--"]
            command = [*profile, *command]
        self.process = subprocess.Popen(command, cwd=harness.HERE)
        self._wait_ready()

    def _wait_ready(self) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        message = "the server did not start within 30 s"
        raise TimeoutError(message)

    def cpu_ns(self) -> int:
        """CPU time of the server and whatever runs with it, to the nanosecond."""
        total = 0
        for process in [self.process.pid, *harness.children(self.process.pid)]:
            for task in Path(f"/proc/{process}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def burst(self, requests: int) -> tuple[float, float]:
        """Wall and CPU seconds for so many requests."""
        cpu, began = self.cpu_ns(), time.perf_counter()
        asyncio.run(self._burst(requests // CONNECTIONS))
        wall = time.perf_counter() - began
        return wall, (self.cpu_ns() - cpu) / 1e9

    async def _burst(self, requests: int) -> None:
        await asyncio.gather(*(self._visit(requests) for _ in range(CONNECTIONS)))

    async def _visit(self, requests: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for number in range(requests):
            writer.write(f"GET /orders/{number} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(None, 1)[0]))
        writer.close()

    def stop(self) -> None:
        """Ends the server as a terminal does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


@dataclass
class Cost:
    """What a server took for all its bursts of a round, in seconds."""

    wall: float = 0.0
    cpu: float = 0.0


def main() -> None:
    """Compares the servers."""
    options = harness.arguments(__doc__, rounds=15, bursts=4, requests=1600)
    harness.header("the profiler's price for a FastAPI application under load")
    rounds = [
        round_of(options.bursts, options.requests, number) for number in range(options.rounds)
    ]
    plain_cpu = statistics.median(plain.cpu for plain, _, _ in rounds)
    each_us = plain_cpu / options.bursts / options.requests * 1e6
    print(f"{options.rounds} rounds of {options.bursts} x {options.requests} requests to each of")
    print(f"three servers, {CONNECTIONS} connections, {each_us:.0f} us of CPU for a request\n")
    for name, of in (("time for the requests", wall_of), ("CPU of the server", cpu_of)):
        for what, place in (("profiled", 2), ("plain again", 1)):
            ratios = [of(costs[place]) / of(costs[0]) for costs in rounds]
            low, middle, high = statistics.quantiles(ratios, n=4)
            shown = [f"{(value - 1) * 100:+.1f} %" for value in (middle, low, high)]
            print(f"{name:22} {what:12} {shown[0]:>7}   (middle half: {shown[1]} to {shown[2]})")


def wall_of(cost: Cost) -> float:
    """Its time."""
    return cost.wall


def cpu_of(cost: Cost) -> float:
    """Its CPU time."""
    return cost.cpu


def round_of(bursts: int, requests: int, number: int) -> tuple[Cost, Cost, Cost]:
    """What a plain server, another one and a profiled one took, each freshly started."""
    with tempfile.TemporaryDirectory() as folder:
        servers = [Server(folder, is_profiled=place == 2) for place in range(3)]
        costs = (Cost(), Cost(), Cost())
        try:
            for server in servers:
                server.burst(WARM_UP)
            for burst in range(bursts):
                for turn in range(3):
                    place = (turn + burst + number) % 3
                    wall, cpu = servers[place].burst(requests)
                    costs[place].wall += wall
                    costs[place].cpu += cpu
        finally:
            for server in servers:
                server.stop()
    return costs


if __name__ == "__main__":
    main()
