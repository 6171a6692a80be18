"""The end of the demo: a table of what happened, and the audit."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from sources import source_files

Record = dict[str, Any]


@dataclass
class Figures:
    """Everything the report is made from."""

    jobs: dict[str, Record]
    enqueued: dict[str, list[str]]
    lanes: dict[str, str]
    seconds: float
    sequential: dict[str, float]
    api: dict[str, Any]


def read_jobs(command: Sequence[str], store: str) -> dict[str, Record]:
    """Every job in the store, as `laneway jobs list --json` tells it."""
    arguments = ["--store", store, "--json", "jobs", "list", "--limit", "1000000"]
    output = subprocess.run([*command, *arguments], check=True, capture_output=True).stdout
    return {record["id"]: record for record in map(json.loads, output.splitlines())}


def estimate_sequential(address: str, counts: Sequence[int], source_bytes: int) -> dict[str, float]:
    """Seconds that plain sequential Python would take, from a sample of each kind of work."""
    import tasks  # noqa: PLC0415 - it reads the API's address from the environment

    updates, reports, _, notices = counts
    calls = 12
    began = time.perf_counter()
    with requests.Session() as session:
        for number in range(calls):
            session.get(f"{address}/reports/{number}", timeout=10).raise_for_status()
    a_call = (time.perf_counter() - began) / calls
    sources = source_files(source_bytes)
    sample = sources[::10]
    began = time.perf_counter()
    for path in sample:
        tasks.digest_source(path)
    a_byte = (time.perf_counter() - began) / max(1, sum(path.stat().st_size for path in sample))
    whole = sum(path.stat().st_size for path in sources)
    return {
        "update_record": updates * a_call,
        "fetch_report": reports * a_call,
        "digest_source": whole * a_byte,
        "notify_mirror": notices * a_call,
    }


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def moment(text: str) -> float:
    """An RFC 3339 instant in epoch seconds."""
    head, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(f"{head}+00:00").timestamp()
    return seconds + (float(f"0.{fraction}") if fraction else 0.0)


def short(seconds: float) -> str:
    """A duration in at most six characters."""
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


HEAD = ("lane", "task", "jobs", "wait p50", "p95", "run p50", "p95", "jobs/s", "sequential")


def row(figures: Figures, task: str, ids: list[str]) -> tuple[str, ...]:
    """One line of the table."""
    records = [figures.jobs[id] for id in ids if id in figures.jobs]
    waits = [
        moment(record["claimed_at"]) - moment(record["enqueued_at"])
        for record in records
        if record.get("claimed_at")
    ]
    walls = [record["wall_ms"] / 1e3 for record in records if record.get("wall_ms") is not None]
    ends = [moment(record["finished_at"]) for record in records if record.get("finished_at")]
    starts = [moment(record["enqueued_at"]) for record in records]
    took = max(ends, default=0.0) - min(starts, default=0.0)
    return (
        figures.lanes[task],
        task,
        f"{len(ids):,}",
        *(short(quantile(waits, share)) for share in (0.5, 0.95)),
        *(short(quantile(walls, share)) for share in (0.5, 0.95)),
        f"{len(ends) / took:.1f}" if took > 0 else "–",
        short(figures.sequential[task]),
    )


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Prints rows under a head, aligned."""
    widths = [max(len(cells[i]) for cells in [HEAD, *rows]) for i in range(len(HEAD))]
    for cells in [HEAD, tuple("─" * width for width in widths), *rows]:
        text = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        print("  " + "  ".join(text))


def show_report(figures: Figures) -> int:
    """Prints the table and the audit; gives 0 when nothing was lost."""
    print()
    print_table([row(figures, task, ids) for task, ids in figures.enqueued.items()])
    wanted = [id for ids in figures.enqueued.values() for id in ids]
    ended = [figures.jobs[id] for id in wanted if id in figures.jobs]
    lost = len(wanted) - sum(record["state"] == "succeeded" for record in ended)
    again = sum(record["token"] > 1 and record["failures"] == 0 for record in ended)
    twice = sum(count > 1 for count in figures.api["updates"].values())
    whole = sum(figures.sequential.values())
    print(f"\n  one worker took        {short(figures.seconds)}, its death included")
    times = f"{whole / figures.seconds:.0f}x as long"
    refused = figures.api["refused"]
    print(f"  plain sequential Python {short(whole)} (from a sample): {times}")
    print(f"  the API refused        {refused} calls (the limit is kept by the store)")
    print(f"  lost                   {lost}")
    print(f"  claimed again          {again} (held by the worker that was killed)")
    print(f"  run twice              {twice} updates reached the API a second time")
    return 0 if lost == 0 else 1


def show_advice(command: Sequence[str], store: str) -> None:
    """Prints what the worker's own measurements say about the lanes."""
    print("\n  laneway advise: from what the workers measured\n", flush=True)
    subprocess.run([*command, "--store", store, "advise"], check=True)
