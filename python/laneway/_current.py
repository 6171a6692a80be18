"""`current`: the job that this code runs for."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

from laneway._override import override
from laneway.errors import NoCurrentJob

if TYPE_CHECKING:
    from collections.abc import Callable


class CurrentJob(NamedTuple):
    """The job that is running."""

    id: str
    """The job's id."""
    task: str
    """The name of its task."""
    queue: str
    """The queue that it came from."""
    attempt: int
    """1 for the first attempt."""


class Attempt:
    """An execution of a job, as a runner keeps it."""

    __slots__ = (
        "account",
        "encode_ns",
        "job_id",
        "number",
        "queue",
        "report",
        "stop_reason",
        "task",
        "ticket",
    )

    def __init__(
        self,
        ticket: int,
        job: tuple[str, str, str, int],
        report: Callable[[int, float, float | None, str], None],
    ) -> None:
        self.ticket = ticket
        self.task, self.job_id, self.queue, self.number = job
        self.report = report
        self.stop_reason: str | None = None
        self.encode_ns = 0
        self.account: object = None


attempt_here: ContextVar[Attempt | None] = ContextVar("laneway_attempt", default=None)
"""The attempt that the present context belongs to; threads that a task starts may inherit it."""


class Current:
    """What code inside a task may ask and say about its job.

    It works in every lane, also in functions that the task calls and in `asyncio` tasks that it
    starts. Where no job runs, it raises `NoCurrentJob`.

    Example:
        >>> from laneway import Laneway, current
        >>> app = Laneway()
        >>> @app.task(lane="thread")
        ... def copy(names: list[str]) -> int:
        ...     for done, name in enumerate(names, 1):
        ...         if current.cancelled:
        ...             break
        ...         current.progress(done, of=len(names), note=name)
        ...     return len(names)
    """

    __slots__ = ()

    @property
    def job(self) -> CurrentJob:
        """The job: its id, task and queue, and the number of this attempt."""
        attempt = _attempt()
        return CurrentJob(attempt.job_id, attempt.task, attempt.queue, attempt.number)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was asked to stop: cancelled, out of time, or at shutdown."""
        return _attempt().stop_reason is not None

    def progress(self, done: float, *, of: float | None = None, note: str = "") -> None:
        """Says how far the job is, for `laneway jobs show` and everybody who watches.

        It is cheap: reports that follow each other closely are sent as one.

        Args:
            done: Steps done.
            of: Steps in all, when it is known.
            note: A word for people.
        """
        attempt = _attempt()
        attempt.report(attempt.ticket, float(done), None if of is None else float(of), note)

    @override
    def __repr__(self) -> str:
        attempt = attempt_here.get()
        return "<current: no job>" if attempt is None else f"<current: job {attempt.job_id}>"


def _attempt() -> Attempt:
    attempt = attempt_here.get()
    if attempt is None:
        raise NoCurrentJob(
            "LW3009",
            "there is no running job here",
            "this code was called as a plain function, or in a thread that the task started "
            "without its context",
        )
    return attempt


current = Current()
