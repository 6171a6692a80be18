"""`Backoff` and `Rate` check what they are given."""

from __future__ import annotations

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


@pytest.mark.parametrize("burst", [0, -1, 1.5, True])
def test_a_burst_is_a_whole_number(burst: object) -> None:
    with pytest.raises(SettingError):
        Rate("5/s", burst=cast("Any", burst))
