"""Enqueues a job four times a second, and tries the same again when it is refused.

`python patient_producer.py FOLDER UNTIL`: the first job lasts until then. Writes `number id` to
`acknowledged` in the folder, and `code retryable seconds` to `refused`, a line a call.
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

import fault_app

from laneway import LanewayError

PAUSE_S = 0.25


def main() -> None:
    """Enqueues until it is ended."""
    folder, until = Path(sys.argv[1]), float(sys.argv[2])
    for number in count():
        call = fault_app.lasting.call(0, until) if number == 0 else fault_app.waiting.call(number)
        while True:
            began = time.monotonic()
            try:
                [job] = fault_app.app.delay_many([call])
            except LanewayError as error:
                took = time.monotonic() - began
                line = f"{error.code} {error.retryable} {took:.3f}\n"
                fault_app.write(folder / "refused", line)
                time.sleep(PAUSE_S)
            else:
                fault_app.write(folder / "acknowledged", f"{number} {job.id}\n")
                break
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
