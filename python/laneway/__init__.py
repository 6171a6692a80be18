"""Laneway: a task engine with a Rust core.

Async where it waits, processes where it computes, nothing where neither is needed.

Example:
    >>> from laneway import Laneway
    >>> app = Laneway()
    >>> @app.task
    ... async def greet(name: str) -> str:
    ...     return f"hello {name}"

`laneway worker hello.py` runs its jobs; `await greet.enqueue("Ada")` makes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from laneway._app import Laneway
from laneway._current import CurrentJob, current
from laneway._durations import Duration
from laneway._options import EnqueueOptions, Lane, OnInterrupt, TaskOptions
from laneway._policy import Backoff, Rate
from laneway._resource import Resource, inject
from laneway._task import AsyncTask, BoundTask, Call, SyncTask, Task
from laneway._verdict import Fail, Retry
from laneway.errors import (
    AttemptStopped,
    Failure,
    JobCancelled,
    JobFailed,
    JobParked,
    JobUnsuccessful,
    LanewayError,
    ResultTimeout,
)

if TYPE_CHECKING:
    from laneway._batches import Enqueued
    from laneway._job import BlockingJob, Job
    from laneway._map import ItemError, MapResult, amap, map  # noqa: A004 - the builtin's twin
    from laneway._worker import Worker, WorkerOptions

    __version__: str

__all__ = [
    "AsyncTask",
    "AttemptStopped",
    "Backoff",
    "BlockingJob",
    "BoundTask",
    "Call",
    "CurrentJob",
    "Duration",
    "EnqueueOptions",
    "Enqueued",
    "Fail",
    "Failure",
    "ItemError",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobParked",
    "JobUnsuccessful",
    "Lane",
    "Laneway",
    "LanewayError",
    "MapResult",
    "OnInterrupt",
    "Rate",
    "Resource",
    "ResultTimeout",
    "Retry",
    "SyncTask",
    "Task",
    "TaskOptions",
    "Worker",
    "WorkerOptions",
    "__version__",
    "amap",
    "current",
    "inject",
    "map",
]

# Loaded when they are used first: they need `asyncio`, `msgspec` or the native half, which would
# make up most of the time of `import laneway`.
_LATER = {
    "BlockingJob": "laneway._job",
    "Enqueued": "laneway._batches",
    "ItemError": "laneway._map",
    "Job": "laneway._job",
    "MapResult": "laneway._map",
    "Worker": "laneway._worker",
    "WorkerOptions": "laneway._worker",
    "amap": "laneway._map",
    "map": "laneway._map",
}


def __getattr__(name: str) -> object:
    import importlib  # noqa: PLC0415 - see above

    if name == "__version__":
        return importlib.import_module("laneway._bridge").version
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module `laneway` has no attribute `{name}`")
