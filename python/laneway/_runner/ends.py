"""How the end of an attempt is told: its result, its exception, or the stop that it obeyed."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from laneway._codec import encode, type_name
from laneway._durations import seconds
from laneway._verdict import Fail, Retry
from laneway.errors import (
    AttemptCancelled,
    AttemptInterrupted,
    AttemptStopped,
    AttemptTimedOut,
    PayloadError,
    ResourceFailed,
    SettingError,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from laneway._current import Attempt

RaisedEnd: TypeAlias = tuple[str, str, str, str, bool, "float | None", bool]
"""Code, kind, message, traceback, whether it may be tried again, the wait the task wants, and
whether the task asked to be tried again."""

End: TypeAlias = "bytes | RaisedEnd | str"
"""An encoded result, a failure, or the reason of the stop that was obeyed."""

Timing: TypeAlias = (
    "tuple[int, int] | Coroutine[Any, Any, Any] | tuple[Coroutine[Any, Any, Any], int] | None"
)
"""Wall and CPU time in microseconds; or the coroutine with its meter, alone or with the nanoseconds
for which its arguments and result were decoded and encoded; or nothing if not timed."""

EndReport: TypeAlias = "tuple[int, Timing, End]"
"""The supervisor's number of the attempt, how long it took, and its end."""

STOPS: dict[str, type[AttemptStopped]] = {
    kind.reason: kind for kind in (AttemptTimedOut, AttemptCancelled, AttemptInterrupted)
}
"""The exception for each reason of a stop."""

TRACEBACK_MAX = 16 * 1024
MESSAGE_MAX = 4 * 1024

_RUNNER = str(Path(__file__).resolve().parent)


class ArgumentsUndecodable(PayloadError):  # noqa: N818 - reads as a fact
    """The stored arguments do not fit the task's parameters (LW3005)."""


def raised(error: BaseException) -> RaisedEnd:
    """The end of an attempt that raised an exception.

    Args:
        error: The exception.
    """
    code, kind, retryable, after = "LW2010", _kind(error), True, None
    if isinstance(error, ArgumentsUndecodable):
        message = _cut(f"{error.what}: {error.why}", MESSAGE_MAX)
        return error.code, "", message, "", False, None, False
    if isinstance(error, ResourceFailed):
        code = error.code
    elif isinstance(error, Retry):
        after = _wished(error)
    elif isinstance(error, Fail):
        retryable = False
    is_wish = isinstance(error, Retry)
    return code, kind, _message(error), _traceback(error), retryable, after, is_wish


def _kind(error: BaseException) -> str:
    """The name of its class, as a task imports it."""
    kind = type(error)
    is_ours = kind is Retry or kind is Fail
    return f"laneway.{kind.__name__}" if is_ours else type_name(kind)


def _wished(wish: Retry) -> float | None:
    """The wait that a task wants; one that was set to what is none is left to its backoff."""
    try:
        return None if wish.after is None else seconds(wish.after, "after")
    except SettingError:
        return None


def encoded_for(attempt: Attempt, result: object) -> bytes | RaisedEnd:
    """As `encoded`, and notes on the attempt how long that took.

    Args:
        attempt: The attempt that returned.
        result: What it returned.
    """
    started_ns = time.perf_counter_ns()
    end = encoded(result, attempt.task)
    attempt.encode_ns += time.perf_counter_ns() - started_ns
    return end


def error_kind(end: End) -> str | None:
    """What kind of error an end is; `None` for a result.

    Args:
        end: The end of an attempt.
    """
    if isinstance(end, bytes):
        return None
    return end if isinstance(end, str) else end[1] or end[0]


def result_bytes(end: End) -> int:
    """The size of a result; 0 for any other end.

    Args:
        end: The end of an attempt.
    """
    return len(end) if isinstance(end, bytes) else 0


class Sizes:
    """What a worker tells its runners of sizes."""

    __slots__ = ("result_bytes_max",)

    def __init__(self) -> None:
        self.result_bytes_max = 1 << 20


sizes = Sizes()
"""The sizes of this runner."""


def encoded(result: object, task: str) -> bytes | RaisedEnd:
    """The end of an attempt that returned: the encoded result, if it can be encoded.

    Args:
        result: What it returned.
        task: The task's name.
    """
    try:
        payload = encode(result)
    except Exception as error:  # noqa: BLE001 - a property of the value may raise anything
        kind = type_name(type(result))
        message = f"the result of `{task}` cannot be stored: it is a `{kind}`: {error}"
        return "LW3004", "", _cut(message, MESSAGE_MAX), "", False, None, False
    if len(payload) <= sizes.result_bytes_max:
        return payload
    message = (
        f"the result of `{task}` has {len(payload):,} bytes, "
        f"the most is {sizes.result_bytes_max:,} (`payload_max`)"
    )
    return "LW3003", "", message, "", False, None, False


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - `__str__` is the task's own code
        text = f"<its text raises {type(broken).__name__}>"
    return _cut(text, MESSAGE_MAX)


def _traceback(error: BaseException) -> str:
    trace = _without_runner(error.__traceback__)
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except Exception:  # noqa: BLE001 - as above
        text = "".join(traceback.format_tb(trace))
    return _cut(text, TRACEBACK_MAX)


def _without_runner(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins in the task."""
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not filename.startswith(_RUNNER) and not filename.startswith("<laneway"):
            break
        trace = trace.tb_next
    return trace


def _cut(text: str, bytes_max: int) -> str:
    """Shortens a text in its middle: how it began and how it ended says most."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > bytes_max:
        half = (bytes_max - 8) // 2
        data = data[:half] + " … ".encode() + data[-half:]
    return data.decode("utf-8", "ignore")
