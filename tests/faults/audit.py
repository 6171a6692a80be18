"""The audit that ends every fault test."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

from operations import System, laneway_command

Record = dict[str, Any]


def read_jobs(system: System, *filters: str) -> dict[str, Record]:
    """Jobs as `laneway jobs list --json` tells them."""
    command = [*laneway_command(), "--store", system.store, "--json", "jobs", "list"]
    output = subprocess.run(
        [*command, "--limit", "1000000", *filters], check=True, capture_output=True
    ).stdout
    return {record["id"]: record for record in map(json.loads, output.splitlines())}


@dataclass
class Audit:
    """Remembers every end it has seen, and finds the ends that changed."""

    ends: dict[str, tuple[str, str, int]] = field(default_factory=dict[str, tuple[str, str, int]])
    changed: list[str] = field(default_factory=list[str])

    def look(self, system: System) -> tuple[int, int]:
        """Compares the ended jobs with what was seen before; gives ended jobs and all jobs."""
        ended, records = 0, read_jobs(system)
        for id, record in records.items():
            if record["state"] in {"succeeded", "failed", "cancelled"}:
                ended += 1
                end = (record["state"], record["finished_at"], record["token"])
                if self.ends.setdefault(id, end) != end:
                    self.changed.append(id)
        return ended, len(records)

    def verdict(self, system: System) -> dict[str, int]:
        """The figures that must be zero, and those that are of interest."""
        self.look(system)
        records = read_jobs(system)
        system.collect()
        lost = [id for id in system.acknowledged.values() if id not in records]
        unfinished = [r["id"] for r in records.values() if r["state"] != "succeeded"]
        starts = [line.split() for line in system.lines("journal")]
        # The attempt that ended a job is the one behind its failures and interruptions: a report of
        # an earlier one that was accepted after all would be missing here.
        attempts = {(job, int(attempt)) for _, job, attempt, *_ in starts}
        never_ran = [
            id
            for id, r in records.items()
            if r["state"] == "succeeded"
            and (id, 1 + r["failures"] + r["interrupts"]) not in attempts
        ]
        return {
            "acknowledged": len(system.acknowledged),
            "jobs": len(records),
            "lost": len(lost),
            "unfinished": len(unfinished),
            "ends changed": len(self.changed),
            "ended by an attempt that never started": len(never_ran),
            "starts": len(starts),
            "starts of a job that was started before": len(starts) - len({s[1] for s in starts}),
        }


MUST_BE_ZERO = ("lost", "unfinished", "ends changed", "ended by an attempt that never started")
