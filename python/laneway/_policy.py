"""What a task says about repetition and pace: `Backoff` and `Rate`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, cast

from laneway._durations import seconds, unit_of
from laneway._name import checked_name
from laneway._nearest import nearest_number, nearest_whole
from laneway._override import override
from laneway.errors import SettingError

if TYPE_CHECKING:
    from laneway._durations import Duration

ATTEMPTS_MAX = 4_294_967_295

_LOOSE = re.compile(
    r"(?P<whole>[0-9]{1,15})(?:\.(?P<fraction>[0-9]{1,6}))?\s*(?:/|per\b|an?\b|every\b)?\s*"
    r"(?P<times>[0-9]{0,9})\s*(?P<unit>[a-z]*)"
)


class Backoff:
    """How often a job is tried, and how long it waits between attempts.

    The wait after the failed attempt `n` is `first * factor ** (n - 1)`, at most `cap`; the share
    `jitter` of it is random, so that jobs that failed together do not come back together.

    Args:
        attempts: Attempts in all, the first one included.
        first: The wait after the first failed attempt.
        factor: What each further wait is multiplied by; at least 1.
        cap: The longest wait.
        jitter: The share of the wait that is random, between 0 and 1.

    Example:
        >>> Backoff(6, first="2s", cap="10m")
        Backoff(6, first=2.0, factor=2.0, cap=600.0, jitter=0.5)
    """

    __slots__ = ("attempts", "cap", "factor", "first", "jitter")

    def __init__(
        self,
        attempts: int,
        *,
        first: Duration = 1.0,
        factor: float = 2.0,
        cap: Duration = 600.0,
        jitter: float = 0.5,
    ) -> None:
        _whole_number("attempts", attempts, 1, ATTEMPTS_MAX)
        _between("factor", factor, 1.0, 1_000.0)
        _between("jitter", jitter, 0.0, 1.0)
        self.attempts = attempts
        self.first = seconds(first, "first")
        self.factor = float(factor)
        self.cap = seconds(cap, "cap")
        self.jitter = float(jitter)

    def as_tuple(self) -> tuple[int, float, float, float, float]:
        """The five numbers, in the order of the parameters."""
        return self.attempts, self.first, self.factor, self.cap, self.jitter

    @override
    def __eq__(self, other: object) -> bool:
        return self.as_tuple() == other.as_tuple() if isinstance(other, Backoff) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash(self.as_tuple())

    @override
    def __repr__(self) -> str:
        return (
            f"Backoff({self.attempts}, first={self.first}, factor={self.factor}, "
            f"cap={self.cap}, jitter={self.jitter})"
        )


class Rate:
    """So many starts in so much time, kept by the store and shared by all workers.

    Args:
        pace: A whole number, a slash and a unit or duration: `"25/s"`, `"100/m"`, `"3/10s"`.
        burst: The most starts at one instant; a second's worth by default, at least 1.
        key: Jobs with the same key share one budget; by default each task has its own.

    Example:
        >>> Rate("120/2s", key="smtp")
        Rate('120/2s', burst=60, key='smtp')
    """

    __slots__ = ("burst", "count", "key", "pace", "per")

    def __init__(self, pace: str, *, burst: int | None = None, key: str | None = None) -> None:
        self.pace = pace
        self.count, self.per = _parse_pace(pace)
        if burst is None:
            burst = max(1, min(self.count, math.floor(self.count / self.per)))
        _whole_number("burst", burst, 1, ATTEMPTS_MAX, ", or leave it out for a second's worth")
        self.burst = burst
        self.key = None if key is None else checked_name("key", key)

    def as_tuple(self, key: str) -> tuple[str, int, float, int]:
        """Key, count, seconds and burst.

        Args:
            key: The key that is used when the rate has none.
        """
        return self.key or key, self.count, self.per, self.burst

    @override
    def __eq__(self, other: object) -> bool:
        return (
            self.as_tuple("") == other.as_tuple("") if isinstance(other, Rate) else NotImplemented
        )

    @override
    def __hash__(self) -> int:
        return hash(self.as_tuple(""))

    @override
    def __repr__(self) -> str:
        key = f", key={self.key!r}" if self.key else ""
        return f"Rate({self.pace!r}, burst={self.burst}{key})"


def _parse_pace(pace: object) -> tuple[int, float]:
    if isinstance(pace, str):
        count_text, slash, per_text = pace.partition("/")
        count_text, per_text = count_text.strip(), per_text.strip()
        # Python reads no number of more than 4,300 digits.
        is_count = count_text.isascii() and count_text.isdecimal() and len(count_text) < 20
        if slash and is_count and per_text:
            per_text = per_text if per_text[0] in "0123456789." else f"1{per_text}"
            try:
                count, per = int(count_text), seconds(per_text, "pace")
            except SettingError:
                count = 0
            else:
                if count and per * 1e6 >= count:
                    return count, per
    meant = _meant(pace)
    raise SettingError(
        "LW1021",
        f"`{pace!r}` is not a rate",
        "a rate is a whole number from 1 on, a slash and a unit (`us`, `ms`, `s`, `m`, `h`, `d`) "
        "or a duration, and at most one million a second",
        f'did you mean `"{meant}"`?'
        if meant
        else 'write for example `Rate("25/s")`, `Rate("100/m")` or `Rate("3/10s")`',
    )


def _meant(pace: object) -> str | None:
    """The rate that other words for it stand for, or the highest for one that is higher."""
    found = _LOOSE.fullmatch(str(pace).strip().lower())
    unit = unit_of(found["unit"] or "s") if found else None
    if found is None or unit is None:
        return None
    fraction = found["fraction"] or ""
    count = int(found["whole"] + fraction)
    times = int(found["times"] or 1) * 10 ** len(fraction)
    span = f"{'' if times == 1 else times}{unit}"
    if not count or not times:
        return None
    try:
        is_too_high = seconds(f"{times}{unit}", "pace") * 1e6 < count
    except SettingError:
        return None
    return "1000000/s" if is_too_high else f"{count}/{span}"


def _whole_number(name: str, value: object, least: int, most: int, or_else: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SettingError(
            "LW1021",
            f"`{name}={value!r}` is not possible",
            f"it has to be a whole number from {least} to {most}",
            f"{nearest_whole(name, value, least, most)}{or_else}",
        )


def _between(name: str, value: float, least: float, most: float) -> None:
    is_number = isinstance(cast("object", value), int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise SettingError(
            "LW1021",
            f"`{name}={value!r}` is not possible",
            f"it has to be a number from {least} to {most}",
            nearest_number(name, value, least, most),
        )
