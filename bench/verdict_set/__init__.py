"""Small real functions of which it is known, by timing every lane, where they are fastest.

One file a subject. Each function is called with the arguments that stand beside it.
"""

from verdict_set import (
    compressing,
    computing,
    filing,
    hashing,
    imaging,
    parsing,
    querying,
    rendering,
    requesting,
    waiting,
)
from verdict_set.cases import CASES, Case

__all__ = [
    "CASES",
    "Case",
    "compressing",
    "computing",
    "filing",
    "hashing",
    "imaging",
    "parsing",
    "querying",
    "rendering",
    "requesting",
    "waiting",
]
