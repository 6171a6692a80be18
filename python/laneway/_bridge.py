"""The one door to the native half, `laneway._native`; ruff lets no other module import it.

It adds nothing but the translation of native errors, so that the package's own modules can be read
without knowing what is Rust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from laneway._native import (
    CORES_USED_FREE,
    THREADS_MAX,
    Account,
    Client,
    JobTemplate,
    Mailbox,
    Meter,
    NativeError,
    Pace,
    ProfileBook,
    ProfileRecorder,
    RecordedTask,
    RunnerChannel,
    TaskMeter,
    ThreadClocks,
    Watchdog,
    account_here,
    attempts_here,
    choose_place,
    chunk_of,
    error_codes,
    main,
    metered_child,
    raise_in_thread,
    thread_schedules,
    version,
)
from laneway.errors import error_class

if TYPE_CHECKING:
    from typing import TypeAlias

    from laneway._native import _JobEnd, _NewJob, _PlaceReason, _RunCommand
    from laneway.errors import LanewayError

    JobEnd: TypeAlias = _JobEnd
    NewJob: TypeAlias = _NewJob
    PlaceReason: TypeAlias = _PlaceReason
    RunCommand: TypeAlias = _RunCommand

__all__ = [
    "CORES_USED_FREE",
    "THREADS_MAX",
    "Account",
    "Client",
    "JobTemplate",
    "Mailbox",
    "Meter",
    "NativeError",
    "Pace",
    "ProfileBook",
    "ProfileRecorder",
    "RecordedTask",
    "RunnerChannel",
    "TaskMeter",
    "ThreadClocks",
    "Watchdog",
    "account_here",
    "attempts_here",
    "choose_place",
    "chunk_of",
    "error_codes",
    "main",
    "metered_child",
    "raise_in_thread",
    "thread_schedules",
    "to_public",
    "version",
]


def to_public(error: NativeError) -> LanewayError:
    """The error of the public class that belongs to its code.

    Args:
        error: What the native half raised or put into a mailbox.
    """
    public = error_class(error.code)(error.code, error.what, error.why, error.fix)
    public.retryable = error.retryable
    return public
