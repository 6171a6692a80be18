"""Start-up times: the command, the import, a worker until it is ready; and its memory when idle."""

from __future__ import annotations

import subprocess
import sys
import time

import harness


def best(command: list[str], rounds: int) -> tuple[float, float]:
    """Minimum and median of a command's wall time, in milliseconds."""
    times: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append((time.perf_counter() - began) * 1e3)
    return min(times), harness.quantile(times, 0.5)


def main() -> None:
    """Prints the figures."""
    options = harness.arguments(__doc__, rounds=20)
    harness.header("Start-up")
    version = best([*harness.laneway_command(), "--version"], options.rounds)
    bare = best([sys.executable, "-c", "pass"], options.rounds)
    ours = best([sys.executable, "-c", "import laneway"], options.rounds)
    print(f"laneway --version   {version[1]:7.1f} ms median, {version[0]:.1f} best")
    print(f"import laneway      {ours[1] - bare[1]:7.1f} ms median over a bare interpreter")
    ready: list[float] = []
    idle: list[harness.Usage] = []
    for _ in range(5):
        with (
            harness.fresh_store() as store,
            harness.worker(harness.HERE / "bench_app.py", store) as worker,
        ):
            ready.append(worker.ready_s)
            time.sleep(1)
            idle.append(worker.usage())
    print(f"worker ready        {harness.quantile(ready, 0.5) * 1e3:7.1f} ms median")
    print(f"idle worker         {idle[-1].pss_mb:7.1f} MB in {idle[-1].processes} processes")


if __name__ == "__main__":
    main()
