"""What `laneway profile` costs a FastAPI application under load.

Two servers run side by side, one of them profiled, and get the same requests in turn, in an order
that changes. Of each pair of bursts the two figures are compared: time for the burst, and CPU time
of the server with all threads of the profiler. The median of the pairs is the answer, with the
middle half of them. A profile whose server gets no other than real requests is written at the end.
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
from pathlib import Path

import harness

CONNECTIONS = 16


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


def main() -> None:
    """Compares the two servers."""
    options = harness.arguments(__doc__, pairs=40, requests=480)
    harness.header("the profiler's price for a FastAPI application under load")
    with tempfile.TemporaryDirectory() as folder:
        servers = (Server(folder, is_profiled=False), Server(folder, is_profiled=True))
        try:
            for server in servers:
                server.burst(options.requests)
            ratios = [compare(servers, options.requests, pair) for pair in range(options.pairs)]
        finally:
            for server in servers:
                server.stop()
        size = (Path(folder) / "report.json").stat().st_size
    plain_rate = options.requests / statistics.median(plain for _, _, plain in ratios)
    print(f"{options.pairs} pairs of {options.requests} requests, {CONNECTIONS} connections, plain")
    print(f"{plain_rate:,.0f} requests a second; the report has {size:,} bytes\n")
    for name, values in (
        ("time for the requests", [wall for wall, _, _ in ratios]),
        ("CPU of the server", [cpu for _, cpu, _ in ratios]),
    ):
        low, middle, high = statistics.quantiles(values, n=4)
        shown = [f"{(value - 1) * 100:+.1f} %" for value in (middle, low, high)]
        print(f"{name:24} profiled {shown[0]:>7}   (middle half: {shown[1]} to {shown[2]})")


def compare(servers: tuple[Server, Server], requests: int, pair: int) -> tuple[float, float, float]:
    """Profiled by plain, of wall and of CPU, and the plain wall time of one pair."""
    order = servers if pair % 2 else servers[::-1]
    seen = {server: server.burst(requests) for server in order}
    (plain_wall, plain_cpu), (wall, cpu) = (seen[server] for server in servers)
    return wall / plain_wall, cpu / plain_cpu, plain_wall


if __name__ == "__main__":
    main()
