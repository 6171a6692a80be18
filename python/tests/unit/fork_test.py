"""A process may be forked at any moment, and its child can measure.

A fork copies locks but not the threads that hold them. Children once hung when a thread without the
GIL read the name of what blocks the loop, or asked for the watchdog, at the moment of the fork.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from laneway._bridge import Account, ProfileRecorder, Watchdog
from laneway._metering import metered

FORKS = 300

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.timeout(60),
]


def has_ended_well(child: int) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.0002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def test_a_child_that_is_forked_while_others_measure_can_measure(tmp_path: Path) -> None:
    watchdog = Watchdog(1.0)
    recorder = ProfileRecorder(str(tmp_path), "cpython-test")
    is_over = threading.Event()

    def again_and_again(act: Callable[[], object]) -> None:
        while not is_over.is_set():
            act()

    async def forks() -> None:
        """One long step, so that there is a loop to name while it is blocked."""
        for number in range(FORKS):
            child = os.fork()
            if child == 0:
                is_named = Account(f"child {number}").label == f"child {number}"
                is_free = Watchdog.current() is None
                os._exit(0 if is_named and is_free else 1)
            assert has_ended_well(child), f"the child of fork {number} hangs or measures wrongly"

    acts = (recorder.write, Watchdog.current, Watchdog.current)
    threads = [threading.Thread(target=again_and_again, args=[act]) for act in acts]
    watchdog.start()
    for thread in threads:
        thread.start()
    try:
        asyncio.run(metered(forks(), Account("forks")))
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
        watchdog.stop()
