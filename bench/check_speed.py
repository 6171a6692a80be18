"""Time and memory of `laneway check` on real code: cold, cached, and as it grows.

    python bench/check_speed.py [--command PATH] [--source FOLDER] [--runs N]

The source is a folder of installed packages, such as a site-packages; whole packages are copied
until there are 50,000, 200,000 and 800,000 lines. A package that is copied again gets another name,
so that each copy is code of its own. The best of the runs is shown: what disturbs a run only makes
it slower.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import harness

SIZES = (50_000, 200_000, 800_000)


@dataclass(frozen=True)
class Cost:
    """What one run of the command took."""

    wall: float
    cpu: float
    peak_mib: float


def lines_of(folder: Path) -> int:
    """Count the lines of all Python files in a folder."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py"))


def packages(source: Path) -> list[tuple[Path, int]]:
    """Find the packages of a folder with at least a thousand lines, in the order of their names."""
    found = [path for path in sorted(source.iterdir()) if (path / "__init__.py").is_file()]
    sized = [(path, lines_of(path)) for path in found]
    return [(path, lines) for path, lines in sized if lines >= 1_000]


def build(sized: list[tuple[Path, int]], wanted: int, folder: Path) -> int:
    """Copy packages until there are about as many lines as wanted, and give their number."""
    total = 0
    turn = 0
    while total < wanted:
        before = total
        for package, lines in sized:
            if total + lines > wanted * 1.05:
                continue
            name = package.name if turn == 0 else f"{package.name}_{turn}"
            only_code = shutil.ignore_patterns("*.pyc", "*.so", "*.json", "*.js")
            shutil.copytree(package, folder / name, ignore=only_code)
            total += lines
            if total >= wanted * 0.98:
                return total
        turn += 1
        if total == before:
            break
    return total


def run(command: list[str], folder: Path) -> Cost:
    """Run the command in a folder once."""
    start = time.perf_counter()
    child = os.posix_spawn(
        command[0],
        command,
        dict(os.environ),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) not in {0, 1}:
        sys.exit(f"{' '.join(command)} in {folder} ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def best(costs: list[Cost]) -> Cost:
    """Take the best of each."""
    return Cost(
        min(cost.wall for cost in costs),
        min(cost.cpu for cost in costs),
        max(cost.peak_mib for cost in costs),
    )


def measure(command: list[str], folder: Path, runs: int) -> tuple[Cost, Cost]:
    """Measure a folder without and with what an earlier run has kept."""
    os.chdir(folder)
    words = [*command, "check", "--no-gitignore", "--statistics"]
    cold = best([run([*words, "--no-cache"], folder) for _ in range(runs)])
    run(words, folder)
    cached = best([run(words, folder) for _ in range(runs)])
    return cold, cached


@dataclass(frozen=True)
class Options:
    """What a bench of `laneway check` works on."""

    command: list[str]
    packages: list[tuple[Path, int]]
    count: int


def begin(title: str, count: str, default: int) -> Options:
    """Read the options, of which `count` is a number, and print what a reader needs to judge."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--command", type=Path, help="the laneway command, if not the installed")
    parser.add_argument("--source", type=Path, default=Path(sysconfig.get_path("purelib")))
    parser.add_argument(f"--{count}", type=int, default=default, dest="count")
    arguments = parser.parse_args()
    chosen: Path | None = arguments.command
    command = harness.laneway_command() if chosen is None else [str(chosen.resolve())]
    sized = packages(arguments.source.resolve())
    if not sized:
        sys.exit(f"{arguments.source} holds no packages; name a site-packages with --source")
    harness.header(title)
    print(f"packages of {arguments.source}, {arguments.count} {count}")
    return Options(command, sized, arguments.count)


def main() -> None:
    """Build the folders, measure them, and print a table."""
    options = begin("Time and memory of `laneway check`, the best of its runs", "runs", 5)
    print(f"{'lines':>9}  {'cold':>8}  {'cpu':>8}  {'cached':>8}  {'cpu':>8}  {'memory':>8}")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            lines = build(options.packages, size, Path(name))
            cold, cached = measure(options.command, Path(name), options.count)
            os.chdir("/")
        peak = max(cold.peak_mib, cached.peak_mib)
        print(
            f"{lines:>9,}  {cold.wall:>6.2f} s  {cold.cpu:>6.2f} s  {cached.wall:>6.2f} s"
            f"  {cached.cpu:>6.2f} s  {peak:>4.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
