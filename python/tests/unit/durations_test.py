"""Durations are read as people write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from laneway._durations import Duration, seconds
from laneway.errors import SettingError


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("0s", 0.0),
        ("1.5h", 5_400.0),
        ("2m30s", 150.0),
        (" 1d ", 86_400.0),
        (3, 3.0),
        (0.5, 0.5),
        (timedelta(minutes=2), 120.0),
    ],
)
def test_the_usual_spellings_are_read(duration: Duration, expected: float) -> None:
    assert seconds(duration, "timeout") == pytest.approx(expected)


@pytest.mark.parametrize(
    "duration",
    [
        *("", "s", "5", "5 parsecs", "-3s", "1..2s", "999999999d", "3s!"),
        *(-1, True, None, [], 1e300, float("nan"), float("inf"), timedelta(seconds=-1)),
    ],
)
def test_what_is_no_duration_is_refused_with_its_option(duration: object) -> None:
    with pytest.raises(SettingError) as caught:
        seconds(cast("Any", duration), "grace")
    assert caught.value.code == "LW1021"
    assert "`grace=" in caught.value.what


@pytest.mark.parametrize(
    ("duration", "meant"),
    [
        ("30sec", "30s"),
        ("30 s", "30s"),
        ("5 minutes", "5m"),
        ("1 hour and 30 min", "1h30m"),
        ("200 millis", "200ms"),
        ("5", "5s"),
        ("1,5s", "1.5s"),
        ("1,5", "1.5s"),
        ("1h, 30m", "1h30m"),
    ],
)
def test_a_duration_in_other_words_is_told_in_ours(duration: str, meant: str) -> None:
    with pytest.raises(SettingError) as caught:
        seconds(duration, "grace")
    assert caught.value.fix == f'did you mean `grace="{meant}"`?'
    assert seconds(meant, "grace") > 0


@pytest.mark.parametrize("duration", ["1,500ms", "0,500s", "1,000,000us"])
def test_a_comma_that_may_be_one_of_thousands_or_a_point_is_not_guessed_at(duration: str) -> None:
    with pytest.raises(SettingError) as caught:
        seconds(duration, "grace")
    assert caught.value.fix.startswith("write for example")
