"""`Backoff` and `Rate` check what they are given."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from laneway import Backoff, Rate
from laneway.errors import SettingError


def test_a_backoff_keeps_its_numbers_in_seconds() -> None:
    backoff = Backoff(6, first="2s", cap="10m", jitter=0)
    assert backoff.as_tuple() == (6, 2.0, 2.0, 600.0, 0.0)
    assert backoff == Backoff(6, first=2, cap=600, jitter=0.0)
    assert hash(backoff) == hash(Backoff(6, first=2, cap=600, jitter=0.0))
    assert backoff != Backoff(5, first=2)


@pytest.mark.parametrize(
    "arguments",
    [
        {"attempts": 0},
        {"attempts": "3"},
        {"attempts": True},
        {"attempts": 3, "first": "soon"},
        {"attempts": 3, "factor": 0.5},
        {"attempts": 3, "jitter": 1.5},
        {"attempts": 3, "jitter": float("nan")},
    ],
)
def test_a_backoff_that_is_not_possible_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as caught:
        Backoff(**arguments)
    assert caught.value.code == "LW1021"


@pytest.mark.parametrize(
    ("pace", "count", "per", "burst"),
    [
        ("25/s", 25, 1.0, 25),
        ("100/m", 100, 60.0, 1),
        ("3/10s", 3, 10.0, 1),
        ("120/2s", 120, 2.0, 60),
    ],
)
def test_a_rate_has_a_burst_of_a_second(pace: str, count: int, per: float, burst: int) -> None:
    assert Rate(pace).as_tuple("shop.mail") == ("shop.mail", count, per, burst)


def test_a_rate_keeps_its_own_key_and_burst() -> None:
    assert Rate("20/s", burst=5, key="smtp").as_tuple("shop.mail") == ("smtp", 20, 1.0, 5)


@pytest.mark.parametrize(
    "pace", ["", "25", "x/s", "0/s", "5/parsec", "-1/s", "2000000/s", "1/", 25, None]
)
def test_what_is_no_rate_is_refused(pace: object) -> None:
    with pytest.raises(SettingError) as caught:
        Rate(cast("Any", pace))
    assert caught.value.code == "LW1021"


@pytest.mark.parametrize(
    ("pace", "meant"),
    [
        ("25/sec", "25/s"),
        ("25 per second", "25/s"),
        ("100/minute", "100/m"),
        ("3 / 10 secs", "3/10s"),
        ("2.5/s", "25/10s"),
        ("25", "25/s"),
        (25, "25/s"),
        ("2000000/s", "1000000/s"),
    ],
)
def test_a_rate_in_other_words_is_told_in_ours(pace: object, meant: str) -> None:
    with pytest.raises(SettingError) as caught:
        Rate(cast("Any", pace))
    assert caught.value.fix == f'did you mean `"{meant}"`?'
    assert Rate(meant).pace == meant


@pytest.mark.parametrize("pace", ["0/s", "x/s", "5/parsec", "", None, "9" * 5_000 + "/s"])
def test_a_rate_that_nobody_can_mean_is_answered_by_examples(pace: object) -> None:
    with pytest.raises(SettingError) as caught:
        Rate(cast("Any", pace))
    assert caught.value.fix.startswith('write for example `Rate("25/s")`')


@pytest.mark.parametrize(
    ("make", "nearest"),
    [
        (lambda: Rate("5/s", burst=0), "`burst=1`"),
        (lambda: Rate("5/s", burst=cast("Any", "7")), "`burst=7`"),
        (lambda: Backoff(0), "`attempts=1`"),
        (lambda: Backoff(3, factor=0.5), "`factor=1.0`"),
        (lambda: Backoff(3, jitter=2), "`jitter=1.0`"),
        (lambda: Rate("5/s", burst=cast("Any", Decimal(3))), "`burst=3`"),
        (lambda: Rate("5/s", burst=10**400), "`burst=4294967295`"),
        (lambda: Rate("5/s", burst=cast("Any", float("inf"))), "`burst=4294967295`"),
    ],
)
def test_a_number_out_of_range_is_answered_by_the_nearest(
    make: Callable[[], object], nearest: str
) -> None:
    with pytest.raises(SettingError) as caught:
        make()
    assert caught.value.fix.startswith(f"the nearest is {nearest}")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Backoff(3, jitter=float("nan")),
        lambda: Backoff(3, factor=cast("Any", "high")),
        lambda: Rate("5/s", burst=cast("Any", "many")),
    ],
)
def test_what_is_no_number_has_no_nearest_one(make: Callable[[], object]) -> None:
    with pytest.raises(SettingError) as caught:
        make()
    assert caught.value.fix.startswith("choose a ")


def test_a_part_of_a_unit_may_begin_with_its_point() -> None:
    assert Rate("3/.5s").per == 0.5


@pytest.mark.parametrize("burst", [0, -1, 1.5, True])
def test_a_burst_is_a_whole_number(burst: object) -> None:
    with pytest.raises(SettingError):
        Rate("5/s", burst=cast("Any", burst))
