"""Exceptions by which a task itself decides what becomes of its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from laneway._durations import seconds

if TYPE_CHECKING:
    from laneway._durations import Duration


class Retry(Exception):  # noqa: N818 - an instruction, not an error
    """Raise it to ask for another attempt, after a time that the task knows best.

    The attempt counts as failed: when it was the last one that `retry` grants, the job fails.

    Args:
        message: Why, for people.
        after: The wait before the next attempt; without it the task's backoff decides.

    Example:
        >>> Retry("the API asks for patience", after="30s").after
        30.0
    """

    def __init__(self, message: str = "", *, after: Duration | None = None) -> None:
        super().__init__(message)
        self.after = None if after is None else seconds(after, "after")


class Fail(Exception):  # noqa: N818 - an instruction, not an error
    """Raise it to fail the job for good, whatever its `retry` would still grant.

    Example:
        >>> raise Fail("order 42 does not exist")
        Traceback (most recent call last):
        ...
        laneway._verdict.Fail: order 42 does not exist
    """
