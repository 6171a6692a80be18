"""What is written at `@app.task` is checked when the module is imported."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, cast

import pytest

from laneway import AsyncTask, Backoff, Laneway, Rate, SyncTask, inject
from laneway.errors import LanewayError, SettingError, TaskOptionError


@pytest.fixture
def app() -> Laneway:
    return Laneway(name="shop")


def nothing(*_: object) -> None: ...


# A time zone that does not say how far it is from UTC.
NOWHERE: tzinfo = type("Nowhere", (tzinfo,), {"utcoffset": nothing})()

# What is written by mistake for an instant, a time span and a name.
NO_INSTANTS: list[Any] = [
    *("tomorrow", "", b"x", [], {}, True, 1j, object, 10**400, 1e30),
    *(float("nan"), float("-inf"), date(2030, 1, 1), time(), timedelta(days=1)),
    datetime(2030, 1, 1, tzinfo=NOWHERE),
]
NO_SPANS: list[Any] = [
    *("tomorrow", "", b"x", [], True, 1j, 10**400, -1, float("nan"), float("inf")),
    *(date(2030, 1, 1), datetime(2030, 1, 1), timedelta(days=-1)),  # noqa: DTZ001 - no span
    *(timedelta.max, "9" * 5_000 + "s", type("Odd", (), {"total_seconds": 5})()),
]
NO_NAMES: list[Any] = ["", " a", "a\n", "\ud800", b"x", 5, None, [], "a" * 201]


WRONG_KINDS: dict[str, list[Any]] = {
    "timeout": NO_SPANS,
    "grace": NO_SPANS,
    "name": [value for value in NO_NAMES if value is not None],
    "lane": [[], {}, 1, ""],
    "limit": ["25/s", 25, []],
    "unique_by": [5, {"path"}, [5], [[]], ""],
    "on_interrupt": [[], 1, ""],
    "max_interrupts": [0, "3", 10**400, True],
}


async def fetch(url: str) -> int:
    return len(url)


def shrink(path: str, size: int = 128) -> bytes:
    return path.encode()[:size]


async def test_a_task_is_still_the_function(app: Laneway) -> None:
    fetch_task, shrink_task = app.task(fetch), app.task(shrink)
    assert isinstance(fetch_task, AsyncTask)
    assert isinstance(shrink_task, SyncTask)
    assert await fetch_task("abc") == 3
    assert shrink_task("abc", size=2) == b"ab"
    assert inspect.signature(shrink_task) == inspect.signature(shrink)
    assert shrink_task.__name__ == "shrink"


def test_a_task_has_a_name_a_lane_and_a_queue(app: Laneway) -> None:
    plain, named = app.task(shrink), app.task(name="thumb", queue="images", lane="thread")(shrink)
    assert (plain.name, plain.lane, plain.queue) == ("shop.shrink", "process", "default")
    assert (named.name, named.lane, named.queue) == ("thumb", "thread", "images")
    assert app.task(fetch).lane == "async"
    assert list(app.definitions) == ["shop.fetch", "shop.shrink", "thumb"]
    assert set(app.tasks) == {"shop.fetch", "shop.shrink", "thumb"}


def test_the_module_names_a_task_unless_the_application_does() -> None:
    assert Laneway().task(shrink).name == f"{__name__}.shrink"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"lane": "fiber"}, "`lane='fiber'`"),
        ({"lane": "async"}, "`lane='async'`"),
        ({"quue": "mail"}, "`quue`"),
        ({"queue": " mail"}, "`queue=' mail'`"),
        ({"queue": ""}, "`queue=''`"),
        ({"queue": "a\nb"}, "`queue="),
        ({"name": "x" * 201}, "`name="),
        ({"timeout": "soon"}, "`timeout='soon'`"),
        ({"grace": -1}, "`grace=-1`"),
        ({"retry": "3"}, "`retry='3'`"),
        ({"retry": 0}, "`attempts=0`"),
        ({"limit": "20/s"}, "`limit='20/s'`"),
        ({"priority": 101}, "`priority=101`"),
        ({"priority": "high"}, "`priority='high'`"),
        ({"unique_by": "order"}, "`unique_by='order'`"),
        ({"unique_by": 3}, "`unique_by=3`"),
        ({"on_interrupt": "ignore"}, "`on_interrupt='ignore'`"),
        ({"max_interrupts": 0}, "`max_interrupts=0`"),
        ({"thread_safe": "no"}, "`thread_safe='no'`"),
    ],
)
def test_an_impossible_option_is_named(app: Laneway, options: dict[str, Any], named: str) -> None:
    decorator: Any = app.task(**options)
    with pytest.raises(TaskOptionError) as caught:
        decorator(shrink)
    assert caught.value.code == "LW1036"
    assert named in caught.value.what
    assert not app.tasks


def test_a_misspelt_option_gets_a_suggestion(app: Laneway) -> None:
    decorator: Any = cast("Any", app.task)(timout=3)
    with pytest.raises(TaskOptionError) as caught:
        decorator(shrink)
    assert caught.value.fix == "did you mean `timeout`?"


@pytest.mark.parametrize(
    ("elsewhere", "here"),
    [("rate", "limit"), ("max_retries", "retry"), ("time_limit", "timeout")],
)
def test_an_option_of_another_queue_is_told_by_its_name_here(
    app: Laneway, elsewhere: str, here: str
) -> None:
    with pytest.raises(TaskOptionError) as caught:
        cast("Any", app.task)(**{elsewhere: 3})(shrink)
    assert caught.value.fix == f"did you mean `{here}`?"


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"unique_by": "pth"}, "did you mean `path`?"),
        ({"unique_by": "order"}, "write one of `path`, `size`"),
        ({"unique_by": 3}, 'write for example `unique_by="order_id"`'),
        ({"on_interrupt": "stop"}, "write one of `retry`, `park`"),
        ({"priority": 1_000}, "the nearest is `priority=100`"),
        ({"max_interrupts": 0}, "the nearest is `max_interrupts=1`"),
    ],
)
def test_a_wrong_value_is_answered_by_what_is_possible(
    app: Laneway, options: dict[str, Any], fix: str
) -> None:
    with pytest.raises(TaskOptionError) as caught:
        app.task(**options)(shrink)
    assert caught.value.fix.startswith(fix)


def test_a_task_without_parameters_has_none_to_be_unique_by(app: Laneway) -> None:
    with pytest.raises(TaskOptionError) as caught:
        app.task(unique_by="order")(lambda: None)
    assert caught.value.fix == "leave it out: a key needs a parameter"


def test_a_coroutine_function_runs_on_the_event_loop_only(app: Laneway) -> None:
    with pytest.raises(TaskOptionError) as caught:
        app.task(lane="thread")(fetch)
    assert "`lane='thread'`" in caught.value.what


def test_generators_and_values_cannot_be_tasks(app: Laneway) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    for wrong in (numbers, 3, app.task(shrink)):
        register: Any = app.task
        with pytest.raises(TaskOptionError) as caught:
            register(wrong)
        assert caught.value.code == "LW1036"


def test_two_tasks_cannot_share_a_name(app: Laneway) -> None:
    app.task(name="same")(shrink)
    with pytest.raises(TaskOptionError) as caught:
        app.task(name="same")(fetch)
    assert caught.value.code == "LW1032"
    assert caught.value.why.count(__file__) == 2


def test_a_module_that_is_loaded_again_replaces_its_tasks(app: Laneway) -> None:
    source = "def again() -> int:\n    return {}\n"
    found: list[Any] = []
    for number in (1, 2):
        scope: dict[str, Any] = {"__name__": "again"}
        exec(compile(source.format(number), "again.py", "exec"), scope)
        found.append(app.task(scope["again"]))
    assert app.tasks == {"shop.again": found[1]}


def test_an_injected_parameter_may_not_shift_positions(app: Laneway) -> None:
    @app.resource
    def pool() -> int:
        return 1

    def run(pool: int = inject(pool), *names: str) -> None: ...

    with pytest.raises(TaskOptionError) as caught:
        app.task(run)
    assert "`pool`" in caught.value.what


def test_only_resources_can_be_injected() -> None:
    wrong: Any = shrink
    with pytest.raises(LanewayError) as caught:
        inject(wrong)
    assert caught.value.code == "LW3011"


def test_every_option_is_accepted(app: Laneway) -> None:
    task = app.task(
        name="all",
        queue="mail",
        lane="thread",
        retry=Backoff(6, first="2s"),
        timeout="30s",
        grace=1,
        limit=Rate("20/s", key="smtp"),
        priority=-3,
        unique_by=["path", "size"],
        on_interrupt="park",
        max_interrupts=5,
        thread_safe=False,
    )(shrink)
    settings = app.definitions[task.name].settings
    assert (settings.timeout, settings.grace, settings.priority) == (30.0, 1.0, -3)
    assert settings.unique_by == ("path", "size")
    assert (settings.on_interrupt, settings.max_interrupts) == ("park", 5)
    assert settings.thread_safe is False


def test_a_number_for_retry_counts_all_attempts(app: Laneway) -> None:
    app.task(retry=3)(shrink)
    assert app.definitions["shop.shrink"].settings.retry == Backoff(3)


@pytest.mark.parametrize(
    "options",
    [
        {"after": "1m", "at": 0},
        {"at": datetime(2030, 1, 1)},  # noqa: DTZ001 - the mistake that is meant
        {"after": "later"},
        {"key": ""},
        {"prioritee": 3},
        {"priority": 200},
        {"retry": "never"},
        *({"at": value} for value in NO_INSTANTS),
        *({"after": value} for value in NO_SPANS),
        *({"timeout": value} for value in NO_SPANS),
        *({"priority": value} for value in ("high", None, 1.5, True, 10**400)),
        *({"queue": value} for value in NO_NAMES),
        *({"key": value} for value in NO_NAMES),
    ],
    ids=lambda options: ", ".join(f"{name}={value!r}"[:40] for name, value in options.items()),
)
def test_impossible_options_of_an_enqueue_are_refused(
    app: Laneway, options: dict[str, Any]
) -> None:
    task: Any = app.task(shrink)
    with pytest.raises(SettingError) as caught:
        task.options(**options)
    assert caught.value.code == "LW1021"


@pytest.mark.parametrize(("option", "values"), WRONG_KINDS.items())
@pytest.mark.parametrize("function", [shrink, fetch])
def test_values_of_the_wrong_kind_are_refused_with_a_code(
    app: Laneway, function: Callable[..., object], option: str, values: list[Any]
) -> None:
    for value in values:
        options: Any = {option: value}
        with pytest.raises(TaskOptionError) as caught:
            app.task(**options)(function)
        assert caught.value.code == "LW1036"


@pytest.mark.parametrize("pace", [None, 25, "", "25", "1/0s", "9" * 5_000 + "/s", "-1/s", b"1/s"])
def test_what_is_no_rate_is_refused_with_a_code(pace: object) -> None:
    with pytest.raises(SettingError, match="LW1021"):
        Rate(cast("str", pace))


@pytest.mark.parametrize("key", ["", 5, [], "a\nb", b"x"])
def test_the_key_of_a_rate_is_a_name(key: object) -> None:
    with pytest.raises(SettingError, match="LW1021"):
        Rate("25/s", key=cast("str", key))


def test_options_of_an_enqueue_are_part_of_its_calls(app: Laneway) -> None:
    task = app.task(shrink)
    instant = datetime(2030, 1, 1, tzinfo=timezone.utc)
    _, _, after, at, unique = task.options(after="15m", key="r-42").call("a").new_job
    assert (after, at, unique) == (900.0, None, ("kept", "r-42"))
    _, _, after, at, unique = task.options(at=instant).call("a").new_job
    assert (after, at, unique) == (None, instant.timestamp(), None)
