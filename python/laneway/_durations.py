"""Durations as people write them: `"15m"`, `"2m30s"`, a number of seconds, a `timedelta`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, TypeAlias, cast

from laneway.errors import SettingError

if TYPE_CHECKING:
    from datetime import timedelta

Duration: TypeAlias = "str | float | timedelta"
"""A time span: `"250ms"`, `"30s"`, `"1.5h"`, `"2m30s"`, seconds as a number, or a `timedelta`."""

SECONDS_MAX = 100 * 365.25 * 86_400
"""The longest span that is accepted: 100 years. Longer ones are typing mistakes."""

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-z]+)")
_WORDS = {
    "us": ("usec", "microsecond"),
    "ms": ("msec", "milli", "millisecond"),
    "s": ("sec", "second"),
    "m": ("min", "minute"),
    "h": ("hr", "hour"),
    "d": ("day",),
}


def seconds(duration: Duration, name: str) -> float:
    """Reads a duration.

    Args:
        duration: The duration.
        name: The option that it was given for, for the error's text.

    Returns:
        The duration in seconds; neither negative nor longer than 100 years.
    """
    value = _in_seconds(duration)
    if value is None or not math.isfinite(value) or not 0 <= value <= SECONDS_MAX:
        meant = _meant(duration)
        raise SettingError(
            "LW1021",
            f"`{name}={duration!r}` is not a duration",
            "a duration is not negative and at most 100 years: numbers with a unit (`us`, `ms`, "
            "`s`, `m`, `h`, `d`), a number of seconds, or a `timedelta`",
            f'did you mean `{name}="{meant}"`?'
            if meant
            else 'write for example `"250ms"`, `"30s"`, `"15m"`, `"2m30s"` or `30`',
        )
    return value


def unit_of(word: str) -> str | None:
    """The unit that a word stands for, such as `s` for `seconds`; `None` if none is known.

    Args:
        word: The word, in small letters.
    """
    if word in _UNITS:
        return word
    singular = word.removesuffix("s")
    return next((unit for unit, words in _WORDS.items() if singular in words), None)


def _meant(duration: object) -> str | None:
    """The text in our units, if it is one in others."""
    if not isinstance(duration, str):
        return None
    # A comma between digits is a decimal point; before three of them it may be one of thousands.
    if re.search(r"\d,\d{3}(?!\d)", duration):
        return None
    text = re.sub(r"(?<=\d),(?=\d)", ".", duration.lower())
    text = re.sub(r"\s|,|and\b", "", text)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return f"{text}s"
    meant = re.sub(r"[a-z]+", lambda word: unit_of(word[0]) or word[0], text)
    value = _parse(meant)
    return meant if value is not None and value <= SECONDS_MAX else None


def _in_seconds(duration: object) -> float | None:
    if isinstance(duration, str):
        return _parse(duration.strip())
    # Asked by its method, so that `datetime` need not be imported.
    if callable(getattr(duration, "total_seconds", None)):
        return cast("timedelta", duration).total_seconds()
    return number(duration)


def number(value: object) -> float | None:
    """A number as a float; `None` of anything else, and of what is too large for one.

    Args:
        value: Any value; a bool is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _parse(text: str) -> float | None:
    total = 0.0
    place = 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None or part[2] not in _UNITS:
            return None
        total += float(part[1]) * _UNITS[part[2]]
        place = part.end()
    return total if text else None
