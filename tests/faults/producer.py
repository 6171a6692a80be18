"""Enqueues jobs batch by batch and prints a line per job *after* the store acknowledged it.

`python producer.py FIRST COUNT PAUSE`: numbers FIRST to FIRST + COUNT − 1, with a pause of so many
seconds between batches; prints `number id`.
"""

from __future__ import annotations

import sys
import time

import fault_app

BATCH = 50


def main() -> None:
    """Enqueues and acknowledges."""
    first, count, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    for start in range(first, first + count, BATCH):
        numbers = range(start, min(start + BATCH, first + count))
        calls = [fault_app.TASKS[n % len(fault_app.TASKS)].call(n) for n in numbers]
        sent = fault_app.app.delay_many(calls)
        lines = [f"{n} {job.id}\n" for n, job in zip(numbers, sent, strict=True)]
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
        time.sleep(pause)


if __name__ == "__main__":
    main()
