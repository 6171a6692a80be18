"""The nearest value that is possible, for what an error advises."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest_whole(option: str, value: object, least: int, most: int) -> str:
    """Advises the whole number in a range that is nearest to what was given.

    Args:
        option: What it was given for.
        value: What was given.
        least: The start of the range.
        most: Its end.
    """
    number = _number(value)
    if number is None:
        return f"choose a whole number from {least} to {most}"
    return f"the nearest is `{option}={round(min(max(number, least), most))}`"


def nearest_number(option: str, value: object, least: float, most: float) -> str:
    """Advises the number in a range that is nearest to what was given.

    Args:
        option: What it was given for.
        value: What was given.
        least: The start of the range.
        most: Its end.
    """
    number = _number(value)
    if number is None:
        return f"choose a number from {least} to {most}"
    return f"the nearest is `{option}={min(max(number, least), most)}`"


def nearest_name(given: str, names: Iterable[str]) -> str | None:
    """The name that is most like what was given, if one is.

    Args:
        given: What was given.
        names: What is possible.
    """
    return next(iter(difflib.get_close_matches(given, list(names), n=1)), None)


def _number(value: object) -> float | None:
    """As a number, which may be infinite; `None` of what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        number = float(cast("str", value))
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number
