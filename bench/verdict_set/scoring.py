"""What a verdict is worth, by the time that each lane really took."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GAIN_MIN = 1.3
"""A lane that is better by this must be found."""

LOSS_MAX = 1.1
"""What a lane may be slower than another to count as being as good."""

RIGHT_MIN = 0.95
"""The promised share of right verdicts."""

LANES_OF = {"async": ("async", "thread", "process"), "thread": ("thread", "process")}
"""The lanes among which there is a choice. That a plain function could be rewritten with `async`
is other code, and no question of its lane."""


@dataclass(frozen=True)
class Timing:
    """The seconds a job of each lane, over several drains."""

    drains: dict[str, list[float]]

    def per_job(self, lane: str) -> float:
        """The seconds that a job takes."""
        return statistics.median(self.drains[lane])

    def best(self, start: str) -> str:
        """The fastest of the lanes that a task could be in."""
        return min(LANES_OF.get(start, LANES_OF["thread"]), key=self.per_job)


@dataclass(frozen=True)
class Verdict:
    """What was advised for a function in a lane."""

    case: str
    start: str
    better: str | None
    rule: str | None
    sentence: str
    confidence: str


@dataclass(frozen=True)
class Score:
    """A verdict beside the truth."""

    verdict: Verdict
    timing: Timing

    @property
    def advised(self) -> str:
        """The lane in which the task is if one follows the verdict."""
        return self.verdict.better or self.verdict.start

    @property
    def best(self) -> str:
        """The fastest lane."""
        return self.timing.best(self.verdict.start)

    def gain_of(self, lane: str) -> float:
        """How many times faster a lane is than that in which the task is now."""
        return self.timing.per_job(self.verdict.start) / self.timing.per_job(lane)

    @property
    def matters(self) -> bool:
        """Whether there is a lane that is clearly better."""
        return self.gain_of(self.best) >= GAIN_MIN

    @property
    def is_right(self) -> bool:
        """Whether the advised lane is the best one, or as good."""
        return self.timing.per_job(self.advised) <= LOSS_MAX * self.timing.per_job(self.best)

    @property
    def harms(self) -> bool:
        """Whether it makes things slower."""
        return self.gain_of(self.advised) < 1 / LOSS_MAX

    @property
    def is_false_alarm(self) -> bool:
        """Whether a move is advised that gains nothing."""
        return self.verdict.better is not None and self.gain_of(self.advised) < 1

    @property
    def word(self) -> str:
        """The judgement in a word."""
        if self.harms:
            return "HARM"
        if self.is_false_alarm:
            return "false alarm"
        if not self.matters:
            return ""
        if self.is_right:
            return "right"
        return "MISSED" if self.verdict.better is None else "WRONG"


def table(scores: Sequence[Score]) -> Iterable[str]:
    """The scores as lines of text."""
    yield (
        f"{'function':<26}{'in':<9}{'ms a job':>9}  {'best':<8}{'gain':>6}  "
        f"{'advised':<8}{'gain':>6}  {'judgement':<12}verdict"
    )
    for score in scores:
        verdict = score.verdict
        yield (
            f"{verdict.case:<26}{verdict.start:<9}"
            f"{score.timing.per_job(verdict.start) * 1e3:>9.3f}  "
            f"{score.best:<8}{score.gain_of(score.best):>6.2f}  "
            f"{score.advised:<8}{score.gain_of(score.advised):>6.2f}  "
            f"{score.word:<12}{verdict.rule or '-'} {verdict.sentence}"
        )


def summary(scores: Sequence[Score]) -> Iterable[str]:
    """The figures that count."""
    mattering = [score for score in scores if score.matters]
    right = sum(score.is_right for score in mattering)
    share = right / max(1, len(mattering))
    moves = [score for score in scores if score.verdict.better is not None]
    harms = sum(score.harms for score in scores)
    alarms = sum(score.is_false_alarm for score in scores)
    missed = sum(score.word == "MISSED" for score in scores)
    functions = len({score.verdict.case for score in scores})
    yield f"{functions} functions, {len(scores)} verdicts, {len(moves)} of them a move"
    yield (
        f"right where a lane gains {GAIN_MIN} x: {right} of {len(mattering)} ({share:.1%}, "
        f"promised {RIGHT_MIN:.0%}); missed {missed}"
    )
    yield f"slower by 10 % after the advice: {harms} (promised 0)"
    yield f"moves that gain nothing: {alarms}"


def keeps_promise(scores: Sequence[Score]) -> bool:
    """Whether enough verdicts are right and none does harm."""
    mattering = [score for score in scores if score.matters]
    right = sum(score.is_right for score in mattering)
    return right >= RIGHT_MIN * len(mattering) and not any(score.harms for score in scores)
