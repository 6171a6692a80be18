"""Arguments travel from a call to the function, by name, typed by the hints, without pickle."""

from __future__ import annotations

import collections
import ipaddress
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec
import pydantic
import pytest

from laneway import Laneway, inject
from laneway._runner.ends import ArgumentsUndecodable
from laneway._runner.invocation import Invocation
from laneway.errors import ArgumentsMismatch, PayloadError

if TYPE_CHECKING:
    from fractions import Fraction


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int = 0


class Row(TypedDict):
    name: str


class Model(pydantic.BaseModel):
    when: datetime
    tags: set[str] = set()


@pytest.fixture
def app() -> Laneway:
    return Laneway(name="shop")


def sent(app: Laneway, function: Callable[..., object], *args: object, **kwargs: object) -> object:
    """Calls a function by way of its stored arguments."""
    task = app.task(function)
    payload = task.call(*args, **kwargs).new_job[1]
    return Invocation(app.definitions[task.name]).call(payload)


def identity(hint: object) -> Callable[..., Any]:
    def function(value: object) -> object:
        return value

    function.__annotations__ = {"value": hint, "return": hint}
    return function


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, 3),
        (float, 2.5),
        (bytes, b"\x00\xff"),
        (str, "ü"),
        (bool, True),
        (type(None), None),
        (list[int], [1, 2]),
        (tuple[int, str], (1, "a")),
        (set[int], {1, 2}),
        (frozenset[str], frozenset({"a"})),
        (dict[int, str], {1: "a"}),
        (datetime, datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        (date, date(2030, 1, 2)),
        (timedelta, timedelta(seconds=90)),
        (uuid.UUID, uuid.UUID(int=7)),
        (Decimal, Decimal("1.10")),
        (Colour, Colour.RED),
        (Point, Point(1, 2)),
        (list[Point], [Point(1), Point(2)]),
        (Row, {"name": "a"}),
        (Model, Model(when=datetime(2030, 1, 1, tzinfo=timezone.utc), tags={"a"})),
        (Path, Path("a/b")),
        (Path | None, Path("a")),
        (int | Path, Path("a")),
        (int | Path, 3),
        (str | Path, "a"),
        (list[Path], [Path("a")]),
        (collections.deque[int], collections.deque([1, 2])),
        (ipaddress.IPv4Address, ipaddress.IPv4Address("10.0.0.1")),
        (Sequence[int], [1, 2]),
        (Any, {"a": [1, "b", None]}),
        (object, [1]),
    ],
)
def test_a_value_arrives_as_its_hint_says(app: Laneway, hint: object, value: object) -> None:
    arrived = sent(app, identity(hint), value)
    assert arrived == value
    assert type(arrived) is type(value)


def test_defaults_are_left_out_and_filled_in_where_the_job_runs(app: Laneway) -> None:
    marker: list[int] = []

    def function(a: int, b: list[int] = marker, *, c: str = "x") -> object:
        return a, b, c

    task = app.task(function)
    payload = task.call(1).new_job[1]
    assert msgspec.msgpack.decode(payload) == {"a": 1}
    a, b, c = Invocation(app.definitions[task.name]).call(payload)
    assert (a, c) == (1, "x")
    assert b is marker


def test_every_kind_of_parameter_is_passed_on(app: Laneway) -> None:
    def function(a: int, /, b: int, *rest: Path, c: int, d: int = 4, **named: int) -> object:
        return a, b, rest, c, d, named

    arrived = sent(app, function, 1, 2, Path("x"), Path("y"), c=3, e=5, a=6)
    assert arrived == (1, 2, (Path("x"), Path("y")), 3, 4, {"e": 5, "a": 6})
    assert sent(app, function, 1, 2, c=3) == (1, 2, (), 3, 4, {})


def test_names_that_the_compiled_code_uses_are_free_for_parameters(app: Laneway) -> None:
    def function(a: int, p0: int, _function: int = 3, args: int = 4, bind: int = 5) -> object:
        return a, p0, _function, args, bind

    assert sent(app, function, 1, 2) == (1, 2, 3, 4, 5)
    assert sent(app, function, p0=1, a=2, args=0) == (2, 1, 3, 0, 5)


def test_a_hint_that_only_type_checkers_see_counts_as_any(app: Laneway) -> None:
    def function(a: Fraction, b: Path) -> object:
        return a, b

    assert sent(app, function, [1], Path("b")) == ([1], Path("b"))


def test_none_is_accepted_where_it_is_the_default(app: Laneway) -> None:
    def function(size: object = None) -> object:
        return size

    # As in `size: int = None`, which type checkers refuse and people write.
    function.__annotations__["size"] = int
    assert sent(app, function, None) is None


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "missing 1 required positional argument: 'url'"),
        (("a", "b", "c"), {}, "positional arguments but 3 were given"),
        (("a",), {"nope": 1}, "unexpected keyword argument 'nope'"),
        (("a",), {"url": 1}, "multiple values for argument 'url'"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_in_pythons_words(
    app: Laneway, args: tuple[Any, ...], kwargs: dict[str, Any], words: str
) -> None:
    def fetch(url: str, depth: int = 1) -> None: ...

    task: Any = app.task(fetch)
    with pytest.raises(ArgumentsMismatch) as caught:
        task.call(*args, **kwargs)
    assert caught.value.code == "LW3002"
    assert "fetch()" in caught.value.why
    assert words in caught.value.why


@pytest.mark.parametrize("value", [object(), 2**70, lambda: None, 1j, [{"a": object()}]])
def test_what_cannot_be_stored_is_refused_with_its_name(app: Laneway, value: object) -> None:
    def function(fine: int, broken: object) -> None: ...

    task = app.task(function)
    with pytest.raises(PayloadError) as caught:
        task.call(1, value)
    assert caught.value.code == "LW3001"
    assert "`broken`" in caught.value.what
    assert type(value).__name__ in caught.value.why


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({"a": "x"}, "Expected `int`, got `str` - at `$.a`"),
        ({}, "missing required field `a`"),
        ({"a": 1, "gone": 2}, "unknown field `gone`"),
        ({"a": 1, "where": 3}, "$.where"),
    ],
)
def test_stored_arguments_that_no_longer_fit_are_refused(
    app: Laneway, stored: dict[str, Any], words: str
) -> None:
    def function(a: int, where: Path = Path()) -> None: ...

    task = app.task(function)
    invocation = Invocation(app.definitions[task.name])
    with pytest.raises(ArgumentsUndecodable) as caught:
        invocation.call(msgspec.msgpack.encode(stored))
    assert caught.value.code == "LW3005"
    assert words in caught.value.why


def test_resources_are_not_stored(app: Laneway) -> None:
    @app.resource
    def pool() -> str:
        return "open"

    def function(a: int, pool: str = inject(pool), b: int = 2) -> object:
        return a, pool, b

    task: Any = app.task(function)
    payload = task.call(1, b=3).new_job[1]
    assert msgspec.msgpack.decode(payload) == {"a": 1, "b": 3}
    invocation = Invocation(app.definitions[task.name])
    assert invocation.resources == [pool]
    assert invocation.call(payload, ("here",)) == (1, "here", 3)
    for wrong in ((1, "mine"), (1, "mine", 3)):
        with pytest.raises(ArgumentsMismatch):
            task.call(*wrong)
    with pytest.raises(ArgumentsMismatch):
        task.call(1, pool="mine")


def test_a_unique_key_is_made_of_the_named_parameters(app: Laneway) -> None:
    def function(order: int, lang: str = "en", note: str = "") -> None: ...

    task = app.task(unique_by=("order", "lang"))(function)
    keys = [
        task.call(7).new_job[4],
        task.call(7, "en", note="other").new_job[4],
        task.call(7, "de").new_job[4],
    ]
    assert keys[0] == keys[1] == ("unfinished", 'order=7,lang="en"')
    assert keys[2] == ("unfinished", 'order=7,lang="de"')


def test_a_long_unique_key_becomes_a_hash(app: Laneway) -> None:
    def function(text: str) -> None: ...

    task = app.task(unique_by="text")(function)
    one, other = task.call("a" * 5_000).new_job[4], task.call("a" * 5_001).new_job[4]
    assert one != other
    assert one is not None
    assert one[1].startswith("sha256:")
    assert len(one[1]) < 100


def test_a_unique_key_does_not_depend_on_the_order_of_a_mapping(app: Laneway) -> None:
    def function(data: dict[str, int]) -> None: ...

    task = app.task(unique_by="data")(function)
    assert task.call({"a": 1, "b": 2}).new_job[4] == task.call({"b": 2, "a": 1}).new_job[4]
