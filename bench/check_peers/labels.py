"""The labels of the corpus, and what a checker's claims are worth against them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from check_peers.checkers import BLOCKING, Claim

EXPECT = re.compile(r"# expect: ([^(\n]*)")
STYLE = frozenset({"LW501", "LW502"})
"""Nearly every small example breaks these; in snippets they are judged in their own folders."""


@dataclass(frozen=True, order=True)
class Label:
    """A line that is guilty of a rule."""

    path: Path
    line: int
    rule: str


@dataclass
class Score:
    """How a checker does on the corpus, by rule."""

    found: Counter[str] = field(default_factory=Counter[str])
    missed: Counter[str] = field(default_factory=Counter[str])
    false: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def line(self, rules: Iterable[str]) -> str:
        """Spell precision and recall over some rules."""
        chosen = list(rules)
        found, missed, false = (
            sum(counter[rule] for rule in chosen)
            for counter in (self.found, self.missed, self.false)
        )
        return f"{percent(found, found + false):>5}{percent(found, found + missed):>6}"


def percent(part: int, whole: int) -> str:
    """Spell a share, or a dash where there is none."""
    return f"{100 * part / whole:.0f}%" if whole else "-"


def labels_of(root: Path) -> Counter[Label]:
    """Read every label of a folder; a line may have the same one twice."""
    labels: Counter[Label] = Counter()
    for path in sorted(root.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for codes in EXPECT.findall(line):
                for code in codes.split(","):
                    rule = code.strip().partition(":")[0]
                    if rule and _is_judged(path, rule):
                        labels[Label(path, number, rule)] += 1
    return labels


def _is_judged(path: Path, rule: str) -> bool:
    return rule not in STYLE or "snippets" not in path.parts or path.parent.name == rule


def judge(labels: Counter[Label], claims: Iterable[Claim], score: Score) -> None:
    """Add what the claims found, missed and made up.

    A claim is right when its line has a label of one of its rules. A checker that knows only that
    a call blocks may mean any label of that kind, so what is behind functions counts for it too.
    """
    left = labels.copy()
    claimed: set[tuple[Path, int, frozenset[str]]] = set()
    for claim in sorted(claims, key=lambda it: (it.path, it.line, sorted(it.rules))):
        also = {"LW110"} if claim.rules <= BLOCKING else set[str]()
        meant = {rule for rule in claim.rules | also if _is_judged(claim.path, rule)}
        if not meant:
            continue
        here = sorted(it for it in left if (it.path, it.line) == (claim.path, claim.line))
        match = next((it for it in here if it.rule in meant and left[it]), None)
        if match is not None:
            left[match] -= 1
            score.found[match.rule] += 1
        elif (claim.path, claim.line, claim.rules) not in claimed and not any(
            it.rule in meant for it in here
        ):
            score.false[_name(claim, meant)] += 1
            score.wrong.append(f"{claim.path}:{claim.line}: made up: {', '.join(sorted(meant))}")
        claimed.add((claim.path, claim.line, claim.rules))
    for label, count in left.items():
        score.missed[label.rule] += count
        score.wrong += [f"{label.path}:{label.line}: missed: {label.rule}"] * count


def _name(claim: Claim, meant: set[str]) -> str:
    """Tell which rule's precision a false alarm harms: its folder's, or the first it could be."""
    folder = claim.path.parent.name
    return folder if folder in meant else min(meant)
