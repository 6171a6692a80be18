"""Every error that Laneway raises: a code, what happened, why, and how to fix it.

A code such as `LW3001` names a page of the documentation and never changes its meaning. The classes
group codes that a program handles alike; `error_class` tells which class belongs to a code.
"""

from __future__ import annotations

from typing import NamedTuple

from laneway._override import override

__all__ = [
    "AppError",
    "ArgumentsMismatch",
    "AttemptCancelled",
    "AttemptInterrupted",
    "AttemptStopped",
    "AttemptTimedOut",
    "Failure",
    "InternalError",
    "ItemTimedOut",
    "JobCancelled",
    "JobFailed",
    "JobParked",
    "JobUnknown",
    "JobUnsuccessful",
    "LanewayError",
    "MapError",
    "NoCurrentJob",
    "PayloadError",
    "ResourceFailed",
    "ResultTimeout",
    "SettingError",
    "StateForbids",
    "StoreError",
    "TaskOptionError",
    "TaskUnregistered",
    "error_class",
]


class LanewayError(Exception):
    """What went wrong, for people and programs.

    Attributes:
        code: The code of the error's page, such as `LW3001`.
        what: What happened: the thing and its value.
        why: The fact that decided it; may be empty.
        fix: What to do about it.
        retryable: Whether the same call may succeed later.

    Example:
        >>> error = LanewayError("LW4003", "there is no queue `mial`", fix="did you mean `mail`?")
        >>> print(error)
        error[LW4003]: there is no queue `mial`
          fix: did you mean `mail`?
    """

    retryable: bool = False

    def __init__(self, code: str, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(code, what, why, fix)
        self.code = code
        self.what = what
        self.why = why
        self._fix = fix

    @property
    def fix(self) -> str:
        """The advice for this case, else the general advice for the code."""
        return self._fix or _general_advice(self.code)

    @override
    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.what}"]
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class StoreError(LanewayError):
    """The store cannot be opened, reached or written (LW1001 to LW1010)."""


class SettingError(LanewayError):
    """A setting, a configuration file or an argument is not possible (LW1020 to LW1023)."""


class AppError(LanewayError):
    """The application or its runner cannot be started (LW1030 to LW1037)."""


class TaskOptionError(AppError):
    """A task is declared with an option that is not possible (LW1032, LW1036)."""


class PayloadError(LanewayError):
    """Arguments or a result cannot be stored or read (LW3001 to LW3006)."""


class ArgumentsMismatch(PayloadError, TypeError):  # noqa: N818 - a fact, as the class above says
    """The arguments do not fit the task (LW3002). It is a `TypeError`, too, as for any call."""


class ResultTimeout(LanewayError, TimeoutError):  # noqa: N818 - reads as a fact
    """The result did not come in time (LW3007). The job goes on."""

    retryable = True


class NoCurrentJob(LanewayError):  # noqa: N818 - reads as a fact
    """`current` was used where no job runs (LW3009)."""


class TaskUnregistered(LanewayError):  # noqa: N818 - reads as a fact
    """A task is not registered with this application (LW3010)."""


class ResourceFailed(LanewayError):  # noqa: N818 - reads as a fact
    """A resource could not be opened, or is used where it is not open (LW3011)."""

    retryable = True


class MapError(LanewayError):
    """An item of `laneway.map` cannot run where it should, or is given up (LW3020 to LW3024)."""


class ItemTimedOut(MapError, TimeoutError):  # noqa: N818 - reads as a fact
    """An attempt at an item of `laneway.map` took longer than `timeout` (LW3022)."""


class JobUnknown(LanewayError):  # noqa: N818 - reads as a fact
    """The store does not know the job, or no longer (LW4001)."""


class StateForbids(LanewayError):  # noqa: N818 - reads as a fact
    """The state of a job does not allow what was asked (LW4002)."""


class InternalError(LanewayError):
    """Laneway contradicts itself (LW9001). Please report it."""


class Failure(NamedTuple):
    """Why the last attempt of a job did not succeed, as its worker saw it."""

    code: str
    """The code of the error page, such as `LW2010` for an exception of the task."""
    kind: str
    """The exception's type, such as `requests.exceptions.Timeout`; empty when there was none."""
    message: str
    """The exception's message, or what happened."""
    traceback: str
    """The traceback, shortened; empty when there is none."""


class JobUnsuccessful(LanewayError):  # noqa: N818 - reads as a fact
    """A job ended without a result (LW3008).

    Attributes:
        job_id: Which job.
        failure: Why, when the worker said it.
    """

    job_id: str = ""
    failure: Failure | None = None

    @classmethod
    def of(cls, job_id: str, failure: Failure | None) -> JobUnsuccessful:
        """Describes the end of a job.

        Args:
            job_id: Which job.
            failure: What the worker recorded.
        """
        error = cls(*cls._texts(job_id, failure))
        error.job_id = job_id
        error.failure = failure
        return error

    @classmethod
    def _texts(cls, job_id: str, failure: Failure | None) -> tuple[str, str, str, str]:
        return "LW3008", f"job `{job_id}` did not succeed", _reason(failure), ""


class JobFailed(JobUnsuccessful):
    """The job failed after its last attempt. `failure` holds the exception's traceback.

    Example:
        >>> failure = Failure("LW2010", "ValueError", "no such order", "")
        >>> JobFailed.of("7", failure).why
        'ValueError: no such order (LW2010)'
    """

    @classmethod
    @override
    def _texts(cls, job_id: str, failure: Failure | None) -> tuple[str, str, str, str]:
        fix = f"`laneway jobs show {job_id}` shows its attempts and the traceback"
        return "LW3008", f"job `{job_id}` failed", _reason(failure), fix


class JobCancelled(JobUnsuccessful):
    """The job was cancelled (LW2009)."""

    @classmethod
    @override
    def _texts(cls, job_id: str, failure: Failure | None) -> tuple[str, str, str, str]:
        return "LW2009", f"job `{job_id}` was cancelled", _reason(failure), ""


class JobParked(JobUnsuccessful):
    """The job waits for a person: `failure.code` says whether it was interrupted or is unknown."""

    @classmethod
    @override
    def _texts(cls, job_id: str, failure: Failure | None) -> tuple[str, str, str, str]:
        fix = f"decide: `laneway jobs retry {job_id}` or `laneway jobs cancel {job_id}`"
        return "LW3008", f"job `{job_id}` is parked", _reason(failure), fix


class AttemptStopped(BaseException):
    """Raised inside a blocking task that is asked to stop; use its subclasses.

    Like `asyncio.CancelledError`, which coroutines get instead, it is no `Exception`: code that
    catches every `Exception` lets it pass. Clean up in `finally` and let it go on.
    """

    reason = "shutdown"


class AttemptTimedOut(AttemptStopped):
    """The attempt took longer than its task's `timeout`."""

    reason = "timeout"


class AttemptCancelled(AttemptStopped):
    """Somebody cancelled the job."""

    reason = "cancel"


class AttemptInterrupted(AttemptStopped):
    """The worker shuts down and has waited long enough."""


_CLASSES_BY_RANGE: tuple[tuple[int, int, type[LanewayError]], ...] = (
    (1001, 1019, StoreError),
    (1020, 1029, SettingError),
    (1032, 1032, TaskOptionError),
    (1036, 1036, TaskOptionError),
    (1030, 1039, AppError),
    (2009, 2009, JobCancelled),
    (3002, 3002, ArgumentsMismatch),
    (3001, 3006, PayloadError),
    (3007, 3007, ResultTimeout),
    (3008, 3008, JobUnsuccessful),
    (3009, 3009, NoCurrentJob),
    (3010, 3010, TaskUnregistered),
    (3011, 3011, ResourceFailed),
    (3022, 3022, ItemTimedOut),
    (3020, 3024, MapError),
    (4001, 4001, JobUnknown),
    (4002, 4002, StateForbids),
    (9001, 9999, InternalError),
)


def error_class(code: str) -> type[LanewayError]:
    """Tells which class an error with this code has.

    Args:
        code: A code, such as `LW3001`.

    Example:
        >>> error_class("LW3007").__name__
        'ResultTimeout'
    """
    digits = code.removeprefix("LW")
    if digits.isdecimal():
        number = int(digits)
        for first, last, found in _CLASSES_BY_RANGE:
            if first <= number <= last:
                return found
    return LanewayError


def _reason(failure: Failure | None) -> str:
    """One line on why a job did not succeed."""
    if failure is None:
        return ""
    message = failure.message.strip().partition("\n")[0]
    text = ": ".join(part for part in (failure.kind, message) if part)
    code = f"({failure.code})" if failure.code else ""
    return " ".join(part for part in (text, code) if part)


def _general_advice(code: str) -> str:
    # The registry lives in the native half, which is loaded when it is needed first.
    from laneway import _bridge  # noqa: PLC0415

    return _bridge.error_codes.get(code, ("", ""))[1]
