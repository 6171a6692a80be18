"""Is the verdict right? Small real functions, timed in every lane, against what `advise` says.

A worker drains a line of jobs of each function in each lane, one line at a time, several times in
turn: that is the truth. Then `laneway advise` is asked about each, as a user would ask it who has
run his task in that lane only. `--keep FOLDER` leaves what was measured, and `--again FOLDER` asks
for the verdicts on it once more, without a run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import harness
from verdict_set.scoring import Score, Timing, Verdict, keeps_promise, summary, table

APP = harness.HERE / "lane_verdicts_app.py"
DRAIN_S = 1.0
"""The length of one drain; three make enough evidence for a verdict, which asks for two seconds of
the function itself."""
OTHERS_MAX = 0.1
"""A drain is timed again when other programs had more of the machine than this, twice at most."""
TRIAL_S = 0.15
CALIBRATION_S = 2.0
"""A worker measures its lanes when it is idle for the first time."""
JOBS_MIN, JOBS_MAX = 12, 10_000


@contextlib.contextmanager
def surroundings() -> Generator[None]:
    """A folder with files and a database, and a server, for the length of a block."""
    server = subprocess.Popen(
        [sys.executable, str(harness.HERE / "verdict_set" / "server.py")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    http, echo = json.loads(server.stdout.readline())
    with tempfile.TemporaryDirectory(prefix="laneway-verdicts-") as folder:
        os.environ["LANEWAY_BENCH_FOLDER"] = folder
        os.environ["LANEWAY_BENCH_HTTP"], os.environ["LANEWAY_BENCH_ECHO"] = str(http), str(echo)
        try:
            yield
        finally:
            server.terminate()
            server.wait()


@dataclass(frozen=True)
class Run:
    """A worker that is measured, and the programs that belong to it."""

    store: str
    worker: int

    def others_s(self) -> float:
        """CPU seconds that the machine has spent on programs that are no part of this."""
        own = [self.worker, *harness.children(self.worker), os.getpid()]
        own += harness.children(os.getpid())
        return machine_cpu_s() - sum(harness.cpu_s(process) for process in {*own})


def machine_cpu_s() -> float:
    """CPU seconds that all programs of this machine have used."""
    user, nice, system, _, _, irq, softirq = map(
        int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8]
    )
    return (user + nice + system + irq + softirq) / harness.TICKS


async def drain(task: str, jobs: int, store: str) -> float:
    """The seconds that a line of so many jobs takes, from the first to the last."""
    from lane_verdicts_app import CASES, app  # noqa: PLC0415 - it needs the surroundings

    arguments = CASES[task.partition(".")[0]].arguments
    harness.cli(store, "queues", "pause", "default")
    sent = await app.enqueue_many(app.tasks[task].call(*arguments) for _ in range(jobs))
    began = time.perf_counter()
    harness.cli(store, "queues", "resume", "default")
    await asyncio.gather(*(job.result(timeout=120) for job in sent))
    return time.perf_counter() - began


async def quiet_drain(task: str, jobs: int, run: Run) -> float:
    """A drain that other programs did not disturb, if there is such a moment."""
    seconds = 0.0
    for _ in range(3):
        before = run.others_s()
        seconds = await drain(task, jobs, run.store)
        if run.others_s() - before <= OTHERS_MAX * seconds * (os.cpu_count() or 1):
            break
    return seconds


async def jobs_of(task: str, store: str) -> int:
    """How many jobs of a task make a drain of the right length."""
    jobs = 4
    await drain(task, jobs, store)  # Runners start, and modules fill their caches.
    while True:
        seconds = await drain(task, jobs, store)
        if seconds >= TRIAL_S or jobs >= JOBS_MAX:
            return max(JOBS_MIN, min(JOBS_MAX, int(jobs * DRAIN_S / seconds)))
        jobs *= 4


async def measure(names: Sequence[str], run: Run, repeats: int) -> dict[str, Timing]:
    """Drains the line of each function in each lane; tells as it goes."""
    from lane_verdicts_app import CASES, LANES, app  # noqa: PLC0415 - as above

    timings: dict[str, Timing] = {}
    # The queue is there from its first job on.
    first = app.tasks[f"{names[0]}.async"].call(*CASES[names[0]].arguments)
    await (await app.enqueue_many([first]))[0].result(timeout=60)
    await asyncio.sleep(CALIBRATION_S)
    for name in names:
        jobs = {lane: await jobs_of(f"{name}.{lane}", run.store) for lane in LANES}
        drains: dict[str, list[float]] = {lane: [] for lane in LANES}
        for _ in range(repeats):
            for lane in LANES:
                seconds = await quiet_drain(f"{name}.{lane}", jobs[lane], run)
                drains[lane].append(seconds / jobs[lane])
        timings[name] = Timing(drains)
        costs = "  ".join(f"{lane} {timings[name].per_job(lane) * 1e3:8.3f}" for lane in LANES)
        print(f"{name:<26}{costs}  ms a job", flush=True)
    return timings


def verdicts(store: str, names: Sequence[str]) -> list[Verdict]:
    """What `advise` says of these functions in each lane."""
    found: list[Verdict] = []
    for line in harness.cli(store, "--json", "advise").splitlines():
        advice = json.loads(line)
        case, _, lane = advice["task"].partition(".")
        if case in names:
            fields = (advice[name] for name in ("rule", "sentence", "confidence"))
            found.append(Verdict(case, lane, timed_lane(advice), *fields))
    order = {name: place for place, name in enumerate(names)}
    return sorted(found, key=lambda verdict: (order[verdict.case], verdict.start))


def timed_lane(advice: dict[str, Any]) -> str | None:
    """The lane that a verdict is about, of those that were timed.

    What an async library would make of a function is other code. While a coroutine has none, the
    advice is a thread, and so that is what the verdict on it is worth.
    """
    if advice["change"]["kind"] == "use_async_library":
        return "thread" if advice["lane"] == "async" else None
    return cast("str | None", advice["better_lane"])


def run(names: Sequence[str], folder: Path, repeats: int) -> None:
    """Measures these functions, and leaves everything in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    store = url(folder)
    os.environ["LANEWAY_STORE"] = store
    with harness.worker(APP, store) as worker:
        timings = asyncio.run(measure(names, Run(store, worker.pid), repeats))
    drains = {name: timing.drains for name, timing in timings.items()}
    (folder / "drains.json").write_text(json.dumps(drains))


def url(folder: Path) -> str:
    """The store of a run."""
    return f"sqlite:///{folder}/bench.db?durability=os"


def scores_of(folder: Path) -> list[Score]:
    """The verdicts on a run, beside what it timed."""
    drains: dict[str, dict[str, list[float]]] = json.loads((folder / "drains.json").read_text())
    found = verdicts(url(folder), list(drains))
    return [Score(verdict, Timing(drains[verdict.case])) for verdict in found]


def chosen(only: Sequence[str], *, quick: bool) -> list[str]:
    """The functions of these subjects or names; all without any."""
    from verdict_set import CASES  # noqa: PLC0415 - as above

    if quick:
        only = list({case.subject: case.name for case in CASES.values()}.values())
    names = [
        case.name for case in CASES.values() if not only or {case.name, case.subject} & {*only}
    ]
    if not names:
        raise SystemExit(f"no function or subject is called {', '.join(only)}")
    return names


def show(scores: Sequence[Score]) -> int:
    """Prints the scores; gives the exit status."""
    for line in [*table(scores), "", *summary(scores)]:
        print(line)
    return 0 if keeps_promise(scores) else 1


def main() -> int:
    """Measures, asks, scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], help="subjects or functions")
    parser.add_argument("--quick", action="store_true", help="one function of each subject")
    parser.add_argument("--repeats", type=int, default=3, help="drains of each function and lane")
    parser.add_argument("--keep", type=Path, help="leave what was measured in this new folder")
    parser.add_argument("--again", type=Path, nargs="+", help="score what was left there")
    options = parser.parse_args()
    harness.header("Verdicts on functions whose best lane is known")
    if options.again:
        return show([score for folder in options.again for score in scores_of(folder.resolve())])
    with tempfile.TemporaryDirectory(prefix="laneway-bench-") as temporary, surroundings():
        from verdict_set import filing, querying  # noqa: PLC0415 - they need the surroundings

        filing.prepare()
        querying.prepare()
        folder = (options.keep or Path(temporary)).resolve()
        run(chosen(options.only, quick=options.quick), folder, options.repeats)
        print()
        return show(scores_of(folder))


if __name__ == "__main__":
    sys.exit(main())
