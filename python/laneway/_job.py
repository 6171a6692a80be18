"""Jobs: what an enqueue gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast

from laneway._durations import seconds
from laneway._override import override
from laneway.errors import (
    Failure,
    JobCancelled,
    JobFailed,
    JobParked,
    JobUnknown,
    JobUnsuccessful,
    PayloadError,
    ResultTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from laneway._bridge import JobEnd
    from laneway._durations import Duration
    from laneway._store_client import StoreClient

R_co = TypeVar("R_co", covariant=True)

State: TypeAlias = Literal[
    "scheduled", "ready", "running", "succeeded", "failed", "cancelled", "parked"
]
"""Where a job stands."""

Cancellation: TypeAlias = Literal["done", "asked", "too_late"]
"""Cancelled at once, asked to stop because it runs, or ended already."""

_UNSUCCESSFUL: dict[str, type[JobUnsuccessful]] = {
    "failed": JobFailed,
    "cancelled": JobCancelled,
    "parked": JobParked,
}

_ENDED = frozenset({"succeeded", *_UNSUCCESSFUL})


class Job(Generic[R_co]):
    """One enqueued call of a task.

    The methods are for `async` code; `wait` and `blocking` are for other code.

    Attributes:
        id: The job's id.
        created: Whether this enqueue made it; `False` when a job with the same key was there.

    Example:
        >>> from laneway import Job, Laneway
        >>> app = Laneway()
        >>> async def state_of(job_id: str) -> str:
        ...     return await app.job(job_id).status()
    """

    __slots__ = ("_decode", "_is_known", "_store", "created", "id")

    def __init__(
        self,
        store: StoreClient,
        decode: Callable[[bytes], R_co],
        job_id: str,
        *,
        created: bool = True,
        is_known: bool = True,
    ) -> None:
        self._store = store
        # A store cannot tell of an id that it does not know whether the job will ever end.
        self._is_known = is_known
        self._decode = decode
        self.id = job_id
        self.created = created

    async def result(self, timeout: Duration | None = None) -> R_co:
        """Waits until the job has ended, and gives what its task returned.

        Awaiting many jobs at once costs one watch of the store, not one each.

        Args:
            timeout: How long to wait; as long as it takes by default.

        Raises:
            JobFailed: The job failed; `failure` has the remote traceback.
            JobCancelled: The job was cancelled.
            JobParked: The job waits for a person.
            JobUnknown: The store has no such job.
            ResultTimeout: The time was over first; the job goes on.
        """
        limit = None if timeout is None else seconds(timeout, "timeout")
        if limit == 0 or not self._is_known:
            if not self._may_end_within(limit, await self._store.details(self.id)):
                return self._result_of(None, limit)
            limit = limit or None
        return self._result_of(await self._store.end_of(self.id, limit), limit)

    def wait(self, timeout: Duration | None = None) -> R_co:
        """The blocking twin of `result`, for code without an event loop.

        Args:
            timeout: How long to wait; as long as it takes by default.
        """
        limit = None if timeout is None else seconds(timeout, "timeout")
        if limit == 0 or not self._is_known:
            if not self._may_end_within(limit, self._store.details_now(self.id)):
                return self._result_of(None, limit)
            limit = limit or None
        return self._result_of(self._store.wait_for_end_of(self.id, limit), limit)

    async def status(self) -> State:
        """The state that the job is in."""
        return self._state_in(await self._store.details(self.id))

    async def details(self) -> dict[str, Any]:
        """Everything known of the job, as `laneway jobs show --json` prints it."""
        return self._known(await self._store.details(self.id))

    async def cancel(self) -> Cancellation:
        """Asks for the job's end.

        Returns:
            `done` when it had not started, `asked` when it runs and was told to stop, and
            `too_late` when it had ended.
        """
        return self._cancellation(await self._store.cancel(self.id))

    @property
    def blocking(self) -> BlockingJob[R_co]:
        """The same job with blocking methods."""
        return BlockingJob(self)

    @override
    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, Job) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(self.id)

    @override
    def __repr__(self) -> str:
        return f"<job {self.id}>"

    def _may_end_within(self, limit: float | None, details: dict[str, Any] | None) -> bool:
        """Whether it is worth to wait: without any time only for a job that has ended."""
        state = self._state_in(details)
        self._is_known = True
        return limit != 0 or state in _ENDED

    def _result_of(self, end: JobEnd | None, limit: float | None) -> R_co:
        if end is None:
            raise ResultTimeout(
                "LW3007",
                f"job `{self.id}` has no result yet",
                f"it did not end within {limit:g} s" if limit is not None else "",
            )
        state, result, failure = end
        if state == "succeeded":
            return self._decoded(result or b"\xc0")
        kind = _UNSUCCESSFUL.get(state, JobUnsuccessful)
        raise kind.of(self.id, None if failure is None else Failure(*failure))

    def _decoded(self, result: bytes) -> R_co:
        try:
            return self._decode(result)
        except ValueError as error:
            raise PayloadError(
                "LW3006",
                f"the result of job `{self.id}` is not of the task's return type",
                str(error),
            ) from None

    def _known(self, details: dict[str, Any] | None) -> dict[str, Any]:
        if details is None:
            raise _unknown(self.id)
        return details

    def _state_in(self, details: dict[str, Any] | None) -> State:
        return cast("State", self._known(details)["state"])

    def _cancellation(self, answer: str) -> Cancellation:
        if answer == "unknown":
            raise _unknown(self.id)
        return cast("Cancellation", answer)


class BlockingJob(Generic[R_co]):
    """A job with blocking methods, for code without an event loop; from `Job.blocking`."""

    __slots__ = ("_job",)

    def __init__(self, job: Job[R_co]) -> None:
        self._job = job

    def result(self, timeout: Duration | None = None) -> R_co:
        """Waits until the job has ended, and gives what its task returned.

        Args:
            timeout: How long to wait; as long as it takes by default.
        """
        return self._job.wait(timeout)

    def status(self) -> State:
        """The state that the job is in."""
        job = self._job
        return job._state_in(job._store.details_now(job.id))  # noqa: SLF001 - its other half

    def details(self) -> dict[str, Any]:
        """Everything known of the job, as `laneway jobs show --json` prints it."""
        job = self._job
        return job._known(job._store.details_now(job.id))  # noqa: SLF001 - its other half

    def cancel(self) -> Cancellation:
        """Asks for the job's end; see `Job.cancel`."""
        job = self._job
        return job._cancellation(job._store.cancel_now(job.id))  # noqa: SLF001 - its other half


def _unknown(job_id: str) -> JobUnknown:
    return JobUnknown(
        "LW4001",
        f"there is no job `{job_id}`",
        "it was never in this store, or it ended long ago and is no longer kept",
    )
