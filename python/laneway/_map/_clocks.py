"""What a thread used: wall time, its CPU, and the time it stood in line for a core.

The last is what tells waiting from a busy host. Linux tells it in `schedstat`; elsewhere it reads
0, and then a busy host looks like waiting.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Reading(NamedTuple):
    """The clocks of a thread at one instant, in seconds, or what passed between two."""

    wall: float
    cpu: float
    queued: float

    def since(self, earlier: Reading) -> Reading:
        """What passed since an earlier reading.

        Args:
            earlier: A reading of the same thread.
        """
        return Reading(
            self.wall - earlier.wall, self.cpu - earlier.cpu, self.queued - earlier.queued
        )

    @property
    def waiting(self) -> float:
        """The time in which the thread neither ran nor wanted to."""
        return max(0.0, self.wall - self.cpu - self.queued)


class ThreadClocks:
    """The clocks of the thread that makes this object; any thread may read them."""

    __slots__ = ("_clock", "_schedstat")

    def __init__(self) -> None:
        get_clock: Callable[[int], int] | None = getattr(time, "pthread_getcpuclockid", None)
        self._clock = None if get_clock is None else get_clock(threading.get_ident())
        self._schedstat = -1
        with contextlib.suppress(OSError):
            path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
            self._schedstat = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def are_visible_to_others(self) -> bool:
        """Whether another thread may read them."""
        return self._clock is not None

    def read(self) -> Reading:
        """All three clocks."""
        cpu = time.thread_time() if self._clock is None else time.clock_gettime(self._clock)
        return Reading(time.perf_counter(), cpu, self._run_delay())

    def _run_delay(self) -> float:
        if self._schedstat >= 0:
            with contextlib.suppress(OSError, IndexError, ValueError):
                return int(os.pread(self._schedstat, 96, 0).split()[1]) / 1e9
        return 0.0

    def close(self) -> None:
        """Gives the file back."""
        if self._schedstat >= 0:
            os.close(self._schedstat)
            self._schedstat = -1


def cores() -> int:
    """How many cores this process may use."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores_wanted() -> float:
    """Seconds that all threads of this process ran or stood in line for a core, so far.

    Threads that stand in line for the GIL want none. Where Linux does not tell, it is what ran.
    """
    nanoseconds = 0
    try:
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                ran, queued, _ = (task / "schedstat").read_text().split()
                nanoseconds += int(ran) + int(queued)
    except OSError:
        return time.process_time()
    return nanoseconds / 1e9


def native_threads() -> dict[int, str]:
    """How often each other thread of this process has run, by its kernel id; Linux only."""
    found: dict[int, str] = {}
    own = threading.get_native_id()
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                if int(task.name) != own:
                    found[int(task.name)] = (task / "schedstat").read_text().split()[2]
    return found
