"""Computing in pure Python, and with the standard library's types."""

from __future__ import annotations

import copy
import difflib
import random
import statistics
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from verdict_set.cases import case

NUMBERS = random.Random(3).choices(range(1_000_000), k=20_000)
LINES = [f"line {i % 90} of the text" for i in range(220)]
TREE: dict[str, Any] = {f"k{i}": {"list": list(range(20)), "name": f"n{i}"} for i in range(150)}
RECORDS = [{"id": i, "name": f"item {i}", "price": i * 0.5} for i in range(10_000)]


@case(100_000)
def sum_of_squares(limit: int) -> int:
    """A loop."""
    return sum(i * i for i in range(limit))


@case(2_000)
def sum_of_few_squares(limit: int) -> int:
    """A loop that is over soon."""
    return sum(i * i for i in range(limit))


@case()
def sort_by_key() -> int:
    """Sorting by a function in Python."""
    return len(sorted(NUMBERS, key=lambda number: -number))


@case(15_000)
def random_walk(steps: int) -> int:
    """A walk in the plane."""
    dice, x, y = random.Random(1), 0, 0
    for _ in range(steps):
        x += dice.choice((-1, 1))
        y += dice.choice((-1, 1))
    return x * x + y * y


@case(60_000)
def sieve(limit: int) -> int:
    """Primes by slices of a byte array: C that keeps the GIL."""
    flags = bytearray([1]) * limit
    for number in range(2, int(limit**0.5) + 1):
        if flags[number]:
            flags[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return sum(flags)


@case(120_000)
def big_power(exponent: int) -> int:
    """One expression of large integers: a single long call in C."""
    return (7**exponent).bit_length()


@case(120)
def decimal_root(digits: int) -> str:
    """Roots with many digits."""
    with localcontext() as context:
        context.prec = digits
        return str(sum((Decimal(n).sqrt() for n in range(2, 600)), Decimal(0)))


@case(500)
def fraction_sum(terms: int) -> int:
    """A harmonic sum, exact."""
    return len(str(sum(Fraction(1, n) for n in range(1, terms)).denominator))


@case()
def statistics_summary() -> float:
    """Mean and deviation of some thousand numbers."""
    return statistics.fmean(NUMBERS[:4_000]) + statistics.pstdev(NUMBERS[:4_000])


@case()
def text_difference() -> int:
    """The difference of two texts."""
    return len(list(difflib.unified_diff(LINES, LINES[::-1])))


@case()
def deep_copy() -> int:
    """A nested structure, copied."""
    return len(copy.deepcopy(TREE))


@case(RECORDS)
def sum_of_records(records: list[dict[str, Any]]) -> float:
    """Ten thousand records as an argument, and next to nothing done with them."""
    return float(sum(record["price"] for record in records))
