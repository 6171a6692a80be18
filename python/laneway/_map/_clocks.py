"""What threads used, in seconds: wall time, CPU, and the time they stood in line for a core.

The last is what tells waiting from a busy host. Where the system does not tell it, it reads 0, and
then a busy host looks like waiting.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from laneway._bridge import thread_schedules

if TYPE_CHECKING:
    from laneway._bridge import ThreadClocks


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


def read(clocks: ThreadClocks) -> Reading:
    """The clocks of a thread, now.

    Args:
        clocks: Made by that thread.
    """
    wall, cpu, queued = clocks.read()
    return Reading(wall / 1e9, cpu / 1e9, (queued or 0) / 1e9)


def cores() -> int:
    """How many cores this process may use."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores_wanted() -> float:
    """Seconds that all threads of this process ran or stood in line for a core, so far.

    Threads that stand in line for the GIL want none. Where the system does not tell, it is what
    ran.
    """
    schedules = thread_schedules()
    if not schedules:
        return time.process_time()
    return sum(cpu + queued for cpu, queued, _ in schedules.values()) / 1e9


def slices_of_others() -> dict[int, int]:
    """How often each other thread of this process had a core, by its kernel id; Linux only."""
    schedules = thread_schedules()
    schedules.pop(threading.get_native_id(), None)
    return {thread: slices for thread, (_, _, slices) in schedules.items()}
