"""The nearest value that is possible, for what an error advises."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest_whole(value: object, least: int, most: int) -> int:
    """The whole number in a range that is nearest to what was given; the least for what is none.

    Args:
        value: What was given.
        least: The start of the range.
        most: Its end.
    """
    number = _number(value)
    return least if number is None else min(max(round(number), least), most)


def nearest_number(value: object, least: float, most: float) -> float:
    """The number in a range that is nearest to what was given; the least for what is none.

    Args:
        value: What was given.
        least: The start of the range.
        most: Its end.
    """
    found = _number(value)
    return least if found is None else min(max(found, least), most)


def nearest_name(given: str, names: Iterable[str]) -> str | None:
    """The name that is most like what was given, if one is.

    Args:
        given: What was given.
        names: What is possible.
    """
    return next(iter(difflib.get_close_matches(given, list(names), n=1)), None)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
