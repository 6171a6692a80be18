"""The options of a task and of an enqueue: what may be written, and what it means."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, cast

from laneway._durations import number, seconds
from laneway._name import checked_name
from laneway._nearest import nearest_name, nearest_whole
from laneway._policy import Backoff, Rate
from laneway.errors import SettingError, TaskOptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from laneway._bridge import JobTemplate
    from laneway._durations import Duration

Lane: TypeAlias = Literal["async", "thread", "process", "auto"]
"""Where a task runs: on the event loop, in a thread, in a process of its own, or where it belongs.

With `auto` a plain `def` starts in a process, and moves to threads when measurements say so.
"""

OnInterrupt: TypeAlias = Literal["retry", "park"]
"""What follows when an attempt ends without a word: run it again, or wait for a person."""

PRIORITY_MAX = 100

INSTANT_MAX = 9e12
"""Seconds since 1970 of the last instant that a store can keep, in microseconds, and a bit less."""


class TaskOptions(TypedDict, total=False):
    """What `@app.task(…)` takes. Everything is optional."""

    name: str
    """The task's name in the store; by default its module and function, `shop.receipt`."""
    queue: str
    """The queue of its jobs; `default` if nothing is said."""
    lane: Lane
    """Where it runs: `async def` in `async`; `def` in `process` (default), `thread` or `auto`."""
    retry: Backoff | int | None
    """How often it is tried; a number counts all attempts. By default once."""
    timeout: Duration | None
    """The time an attempt may take before it is asked to stop; by default there is no bound."""
    grace: Duration | None
    """The time from then until it is ended by force; 5 seconds by default."""
    limit: Rate | None
    """How many may start in a time, over all workers."""
    priority: int
    """From -100 to 100; within a queue the higher runs first. 0 by default."""
    unique_by: str | Sequence[str] | None
    """Parameters: while a job with the same values is unfinished, no second one is made."""
    on_interrupt: OnInterrupt
    """What follows when its runner or worker dies: `retry` (default) or `park`."""
    thread_safe: bool | None
    """Whether two threads may run it at once; if nothing is said, its code and libraries tell."""
    max_interrupts: int | None
    """After so many interruptions the job fails, as it seems to kill its runner; 3 by default."""


class EnqueueOptions(TypedDict, total=False):
    """What `task.options(…)` takes. Everything is optional."""

    after: Duration
    """Run it so long after now, by the store's clock."""
    at: datetime | float
    """Run it at an instant: a `datetime` with a time zone, or seconds since 1970."""
    priority: int
    """Instead of the task's priority."""
    queue: str
    """Instead of the task's queue."""
    key: str
    """While the store keeps a job of this task with this key, no second one is made."""
    retry: Backoff | int | None
    """Instead of the task's retry."""
    timeout: Duration | None
    """Instead of the task's timeout."""


class Settings:
    """The checked options of a task."""

    __slots__ = (
        "grace",
        "lane",
        "limit",
        "max_interrupts",
        "on_interrupt",
        "priority",
        "queue",
        "retry",
        "thread_safe",
        "timeout",
        "unique_by",
    )

    def __init__(self, options: Mapping[str, Any], *, lane: Lane) -> None:
        self.lane: Lane = lane
        self.queue = checked_name("queue", options.get("queue", "default"))
        self.retry = _retry(options.get("retry"))
        self.timeout = _optional_seconds("timeout", options.get("timeout"))
        self.grace = _optional_seconds("grace", options.get("grace"))
        self.limit = _limit(options.get("limit"))
        self.priority = _whole("priority", options.get("priority", 0), -PRIORITY_MAX, PRIORITY_MAX)
        self.unique_by = _names(options.get("unique_by"))
        self.on_interrupt = _one_of("on_interrupt", options.get("on_interrupt"), ("retry", "park"))
        most = options.get("max_interrupts")
        self.thread_safe = _yes_or_no("thread_safe", options.get("thread_safe"))
        self.max_interrupts = most if most is None else _whole("max_interrupts", most, 1, 1_000_000)

    @property
    def first_lane(self) -> str:
        """The lane for which jobs are stored: that in which any plain `def` is safe, for `auto`."""
        return "process" if self.lane == "auto" else self.lane

    def with_options(self, options: EnqueueOptions) -> Settings:
        """The settings with what an enqueue wants otherwise.

        Args:
            options: What was given to `task.options`.
        """
        own: dict[str, Any] = {name: getattr(self, name) for name in Settings.__slots__}
        own.update({name: value for name, value in options.items() if name in own})
        return Settings(own, lane=self.lane)

    def template(self, task: str) -> JobTemplate:
        """The native form that the jobs share.

        Args:
            task: The name of the task.
        """
        # The native half is loaded when the first job is made, not when a module is imported.
        from laneway import _bridge  # noqa: PLC0415

        return _bridge.JobTemplate(
            task,
            queue=self.queue,
            lane=self.first_lane,
            priority=self.priority,
            retry=self.retry.as_tuple() if self.retry else None,
            timeout=self.timeout,
            grace=self.grace,
            on_interrupt=self.on_interrupt,
            interrupts_max=self.max_interrupts,
            limit=self.limit.as_tuple(task) if self.limit else None,
        )


def task_settings(name: str, function: Callable[..., Any], options: TaskOptions) -> Settings:
    """Checks what was written at `@app.task`.

    Args:
        name: The task's name, for the errors.
        function: The function that is decorated.
        options: What was written.
    """
    try:
        refuse_unknown(options, TaskOptions)
        checked_name("name", name)
        settings = Settings(options, lane=_lane(function, options.get("lane")))
        _fits_function(function, settings)
    except SettingError as error:
        what = f"the task `{name}` has an option that is not possible: {error.what}"
        raise TaskOptionError("LW1036", what, error.why, error.fix) from None
    return settings


def due(options: EnqueueOptions) -> tuple[float | None, float | None]:
    """When a job may run: seconds from now, or seconds since 1970; at most one of them.

    Args:
        options: What was given to `task.options`.
    """
    after, at = options.get("after"), options.get("at")
    if after is not None and at is not None:
        raise SettingError("LW1021", "`after` and `at` exclude each other", "", "keep one of them")
    if after is not None:
        return seconds(after, "after"), None
    if at is None:
        return None, None
    return None, _instant(at)


def check_enqueue_options(options: EnqueueOptions) -> None:
    """Refuses unknown options and an impossible key.

    Args:
        options: What was given to `task.options`.
    """
    refuse_unknown(options, EnqueueOptions)
    if "key" in options:
        checked_name("key", options["key"])


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling a function gives a coroutine.

    Args:
        function: The function, or a callable object.
    """
    call = getattr(function, "__call__", None)  # noqa: B004 - its kind is asked, not its existence
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _lane(function: Callable[..., Any], lane: Lane | None) -> Lane:
    if is_async(function):
        if lane is None or lane == "async":
            return "async"
        raise SettingError(
            "LW1021",
            f"`lane={lane!r}`",
            "the function is an `async def`, which needs an event loop",
            "leave `lane` out, or write a plain `def`",
        )
    if lane == "async":
        raise SettingError(
            "LW1021",
            "`lane='async'`",
            "the function is a plain `def`; it would block the event loop of all other jobs",
            'write `async def`, or `lane="thread"` when it waits and `lane="process"` when it '
            "computes",
        )
    return cast("Lane", _one_of("lane", lane, ("process", "thread", "auto")))


def _fits_function(function: Callable[..., Any], settings: Settings) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise SettingError(
            "LW1021", "the function is a generator", "a task returns one result", "return a list"
        )
    # Imported here because only a task that names parameters or injects needs to look at them.
    from laneway._signature import Signature  # noqa: PLC0415

    signature = Signature(function)
    names = [parameter.name for parameter in signature.stored]
    for name in settings.unique_by:
        if name not in names:
            raise SettingError(
                "LW1021",
                f"`unique_by={name!r}`",
                f"the function has no such parameter, only {_quoted(names)}",
                _closest(name, names) if names else "leave it out: a key needs a parameter",
            )
    parameters = signature.parameters
    for place, parameter in enumerate(parameters):
        later = parameters[place + 1 :]
        if parameter.resource and any(other.kind.name == "VAR_POSITIONAL" for other in later):
            raise SettingError(
                "LW1021",
                f"the injected parameter `{parameter.name}` stands before `*`",
                "the positions behind it would shift",
                "move it behind the `*` parameter",
            )


_ELSEWHERE = {
    "rate": ("limit",),
    "rate_limit": ("limit",),
    "max_retries": ("retry",),
    "retries": ("retry",),
    "time_limit": ("timeout",),
    "soft_time_limit": ("timeout",),
    "countdown": ("after",),
    "delay": ("after",),
    "eta": ("at",),
    "idempotency_key": ("key", "unique_by"),
    "unique": ("key", "unique_by"),
}
"""Options as `laneway.map` and other task queues name them, and as they are named here."""


def refuse_unknown(options: Mapping[str, object], kind: type) -> None:
    """Refuses an option that does not exist, and suggests the one that was meant.

    Args:
        options: What was given.
        kind: The `TypedDict` of what can be given.
    """
    for name in options:
        if name not in kind.__annotations__:
            names = sorted(kind.__annotations__)
            why = f"the options are {_quoted(names)}"
            close = next((own for own in _ELSEWHERE.get(name, ()) if own in names), None)
            close = close or nearest_name(name, names)
            fix = f"did you mean `{close}`?" if close else "leave it out"
            raise SettingError("LW1021", f"there is no option `{name}`", why, fix)


def _closest(name: str, names: Sequence[str]) -> str:
    close = nearest_name(name, names)
    return f"did you mean `{close}`?" if close else f"write one of {_quoted(names)}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        names = cast("Sequence[object]", value)
        return tuple(checked_name("unique_by", name) for name in names)
    raise SettingError(
        "LW1021",
        f"`unique_by={value!r}`",
        "it names one parameter of the function, or several in a list",
        'write for example `unique_by="order_id"` or `unique_by=["order_id", "lang"]`',
    )


def _one_of(option: str, value: Any, possible: tuple[Any, ...]) -> Any:  # noqa: ANN401 - literals
    if value is None:
        return possible[0]
    if value in possible:
        return value
    why = f"the possible values are {_quoted(possible)}"
    raise SettingError("LW1021", f"`{option}={value!r}`", why, _closest(str(value), possible))


def _yes_or_no(option: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    why = "it is `True`, `False` or left out"
    raise SettingError("LW1021", f"`{option}={value!r}`", why, "write `True` or `False`")


def _whole(option: str, value: object, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    why = f"it has to be a whole number from {least} to {most}"
    fix = nearest_whole(option, value, least, most)
    raise SettingError("LW1021", f"`{option}={value!r}`", why, fix)


def _optional_seconds(option: str, value: Duration | None) -> float | None:
    return None if value is None else seconds(value, option)


def _retry(value: object) -> Backoff | None:
    if value is None or isinstance(value, Backoff):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Backoff(value)
    raise SettingError(
        "LW1021",
        f"`retry={value!r}`",
        "it is a `Backoff`, or the number of attempts in all",
        'write for example `retry=Backoff(6, first="2s", cap="10m")`',
    )


def _limit(value: object) -> Rate | None:
    if value is None or isinstance(value, Rate):
        return value
    raise SettingError(
        "LW1021",
        f"`limit={value!r}`",
        "a limit is a `Rate`",
        'write for example `limit=Rate("25/s")`',
    )


def _instant(at: object) -> float:
    from datetime import datetime  # noqa: PLC0415 - most programs need it for nothing else

    if isinstance(at, datetime):
        if at.utcoffset() is None:
            raise SettingError(
                "LW1021",
                f"`at={at!r}` has no time zone",
                "workers may run elsewhere, so a bare clock time could mean several instants",
                "use `datetime.now(timezone.utc)` or give a `tzinfo`",
            )
        return at.timestamp()
    instant = number(at)
    if instant is None or not abs(instant) <= INSTANT_MAX:
        raise SettingError(
            "LW1021",
            f"`at={at!r}` is not an instant",
            "an instant is a `datetime` with a time zone, or seconds since 1970",
            'write for example `at=datetime.now(timezone.utc)`, or `after="10m"` for a time from '
            "now on",
        )
    return instant
