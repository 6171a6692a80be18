"""What `laneway.map` may be told, and what it means."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar, cast

from laneway._bridge import Pace
from laneway._durations import seconds
from laneway._map._pace import EvenPace
from laneway._policy import ATTEMPTS_MAX, Backoff, Rate
from laneway.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from laneway._durations import Duration

MapLane: TypeAlias = Literal["inline", "thread", "process", "async"]
"""Where the items run: in the caller's thread, in threads, in processes, on an event loop."""

AnyPace: TypeAlias = "Pace | EvenPace"
"""Tells when the next start is allowed."""

Errors: TypeAlias = Literal["raise", "collect"]

T = TypeVar("T")

CONCURRENCY_MAX = 100_000


class MapOptions(TypedDict, total=False):
    """What `laneway.map` and `laneway.amap` take besides `errors`. Everything is optional."""

    lane: MapLane | None
    """Where the items run; by default it is measured for `def`, and `async` for `async def`."""
    concurrency: int | None
    """The most items at once; by default 100 async, up to 64 threads, one process a core."""
    rate: Rate | str | None
    """The most starts in a time, such as `"25/s"`, at an even pace; retries count. A `Rate` begins
    with its burst."""
    retry: Backoff | int | None
    """How often an item is tried; a number counts all attempts. By default once."""
    timeout: Duration | None
    """The time one attempt may take. A thread that takes longer is left behind."""
    ordered: bool
    """Results in the order of the items (default), or as they complete."""
    progress: bool | None
    """A bar on standard error: on a terminal (default), always, or never and no word either."""


_NAMES = tuple(MapOptions.__annotations__)


class Settings:
    """The checked options of one call."""

    __slots__ = (
        "collect",
        "concurrency",
        "lane",
        "new_pace",
        "ordered",
        "progress",
        "retry",
        "timeout",
    )

    def __init__(self, options: Mapping[str, object], errors: object) -> None:
        _known(options)
        self.collect = _choice("errors", errors, ("raise", "collect")) == "collect"
        lane = options.get("lane")
        lanes: tuple[MapLane | None, ...] = ("inline", "thread", "process", "async", None)
        self.lane: MapLane | None = _choice("lane", lane, lanes)
        self.concurrency = _concurrency(options.get("concurrency"))
        self.new_pace = _pace(options.get("rate"))
        self.retry = _retry(options.get("retry"))
        timeout = cast("Duration | None", options.get("timeout"))
        self.timeout = None if timeout is None else _more_than_nothing(timeout)
        self.ordered = _choice("ordered", options.get("ordered", True), (True, False))
        self.progress = _choice("progress", options.get("progress"), (True, False, None))
        if self.lane == "inline" and self.timeout is not None:
            raise SettingError(
                "LW1021",
                '`lane="inline"` cannot keep `timeout`',
                "a call in the caller's own thread cannot be ended from outside",
                'leave out `lane`, or say `lane="thread"` or `lane="process"`',
            )

    def fits(self, *, is_async: bool) -> None:
        """Refuses a lane in which the kind of function cannot run.

        Args:
            is_async: Whether the function is an `async def`.
        """
        if self.lane is not None and (self.lane == "async") != is_async:
            kind, rest = ("async def", "") if is_async else ("def", "; leave out `lane`")
            raise SettingError(
                "LW1021",
                f'`lane="{self.lane}"` is not possible for this function',
                f"it is an `{kind}`" if is_async else f"it is a `{kind}`, not an `async def`",
                f"an `async def` runs in the async lane only{rest}",
            )


def refuse_misplaced(name: str, fn: object, items: object) -> None:
    """Refuses what is no function, or no items: the two are easily swapped.

    Args:
        name: What was called.
        fn: What stands in the place of the function.
        items: What stands in the place of the items.
    """
    kind = type(fn if not callable(fn) else items).__name__
    if not callable(fn):
        what = f"`{name}` cannot call what comes first: it is of type `{kind}`"
    elif not any(hasattr(items, way) for way in ("__iter__", "__getitem__", "__aiter__")):
        what = f"`{name}` finds no items in what comes second: it is of type `{kind}`"
    else:
        return
    is_swapped = callable(items) and not callable(fn)
    raise SettingError(
        "LW1021",
        what,
        "the function comes first, then the items" + (": they are swapped" * is_swapped),
        f"write `laneway.{name}(fn, items)`",
    )


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine, as far as can be told without calling it.

    Args:
        fn: Any callable.
    """
    from inspect import iscoroutinefunction  # noqa: PLC0415 - half the import time of this package

    inner = fn
    while hasattr(inner, "func") and hasattr(inner, "keywords"):
        inner = cast("Any", inner).func
    # An object that is called by an `async def __call__` is one, too.
    call = getattr(type(cast("object", inner)), "__call__", None)  # noqa: B004 - asks what, not if
    return iscoroutinefunction(inner) or iscoroutinefunction(call)


def _known(options: Mapping[str, object]) -> None:
    for name in options:
        if name not in _NAMES:
            close = difflib.get_close_matches(name, [*_NAMES, "errors"], n=1)
            raise SettingError(
                "LW1021",
                f"`map` has no option `{name}`",
                "options: " + ", ".join(f"`{known}`" for known in (*_NAMES, "errors")),
                f"did you mean `{close[0]}`?" if close else "leave it out",
            )


def _choice(name: str, value: object, choices: tuple[T, ...]) -> T:
    for choice in choices:
        if value is choice or (isinstance(value, str) and value == choice):
            return choice
    raise SettingError(
        "LW1021",
        f"`{name}={value!r}` is not possible",
        "it is one of " + ", ".join(f"`{choice!r}`" for choice in choices),
        "write one of these",
    )


def _concurrency(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= CONCURRENCY_MAX:
        raise SettingError(
            "LW1021",
            f"`concurrency={value!r}` is not possible",
            f"it has to be a whole number from 1 to {CONCURRENCY_MAX}",
            "leave it out to let Laneway choose",
        )
    return value


def _pace(rate: object) -> Callable[[], AnyPace] | None:
    """What makes the pace of a run. A burst would break the promise of words: so many in a time."""
    if rate is None:
        return None
    if isinstance(rate, Rate):
        return lambda: Pace(rate.count, rate.per, rate.burst)
    words = Rate(cast("str", rate))
    return lambda: EvenPace(words.count, words.per)


def _retry(value: object) -> Backoff:
    if isinstance(value, Backoff):
        return value
    if value is None:
        return Backoff(1)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= ATTEMPTS_MAX:
        raise SettingError(
            "LW1021",
            f"`retry={value!r}` is not possible",
            f"it has to be a whole number of attempts from 1 to {ATTEMPTS_MAX}, or a `Backoff`",
            "write for example `retry=3`, or leave it out to try once",
        )
    return Backoff(value)


def _more_than_nothing(timeout: Duration) -> float:
    limit = seconds(timeout, "timeout")
    if limit > 0:
        return limit
    raise SettingError(
        "LW1021",
        f"`timeout={timeout!r}` leaves no time",
        "an attempt needs some",
        "write for example `timeout=30`, or leave it out for no bound",
    )
