"""How a plain `def` gets its lane: by what its first items are seen to do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from laneway._bridge import THREADS_MAX, ThreadClocks
from laneway._map import _child
from laneway._map._clocks import Reading, cores, cores_wanted, read
from laneway._map._decision import Decision, Evidence, confirmed, decide, gil_of
from laneway._map._drive import drive
from laneway._map._inline import Inline
from laneway._map._lookout import Lookout
from laneway._map._threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from laneway._map._decision import Gil
    from laneway._map._processes import Processes
    from laneway._map._work import Work

THREADS = 32
"""The width of the thread lane where nothing was measured."""
FORK_S = 0.012
SPAWN_S = 0.12
PROBE_S = 0.06
"""How long threads are watched at least before they are believed to use several cores."""
MEASURE_S = 0.02
PATIENCE_S = 0.5


def run_blocking(work: Work) -> bool:
    """Runs a `def`, or what looks like one.

    Args:
        work: What is to be done.

    Returns:
        False if it gave a coroutine, so that nothing was run and an event loop is needed.
    """
    settings, lane = work.settings, work.settings.lane
    if lane is None:
        return _Auto(work).run()
    work.chose(lane, f'`lane="{lane}"` was asked for')
    if lane == "inline":
        inline = Inline(work)
        inline.run(None)
        return not inline.found_coroutine
    if lane == "thread":
        drive(work, Threads(work.fn, settings.concurrency or THREADS, settings.timeout))
    else:
        drive(work, _processes(work, settings.concurrency or cores(), None))
    return True


def _processes(work: Work, width: int, seconds_per_item: float | None) -> Processes:
    from laneway._map._processes import Processes  # noqa: PLC0415 - few runs need it

    lane = Processes(work.fn, work.feed, width, work.settings.timeout)
    if work.pace is not None:
        lane.may_chunk = False
    if seconds_per_item is not None:
        lane.expect(seconds_per_item)
    return lane


class _Auto:
    """One run whose lane is not given."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._cores = cores()
        self._hindrance: str | None = None
        self._start = FORK_S
        self._decision = Decision("inline", 1, "no lane needed")
        self._each = 0.0
        self._was_asked = False
        self._hindered: Decision | None = None

    def run(self) -> bool:
        """Measures, chooses, and runs everything."""
        work = self._work
        if work.settings.timeout is not None:
            self._measure_in_threads()
        elif not self._measure_inline():
            return False
        if work.stop.requested or work.feed.is_empty:
            self._announce()
            return True
        if self._decision.lane == "thread" and "GIL" in self._decision.reason:
            self._try_threads()
        elif self._decision.lane == "thread":
            self._announce()
            drive(work, Threads(work.fn, self._decision.width, work.settings.timeout))
        if self._decision.lane == "process" and work.feed.has_more:
            self._run_in_processes()
        return True

    def _run_in_processes(self) -> None:
        """Runs the rest in processes, or where it can run if there can be none after all."""
        work = self._work
        try:
            lane = self._begin_processes()
        except Exception as refused:  # noqa: BLE001 - pickling runs the function's own code
            why, fix = getattr(refused, "why", refused), getattr(refused, "fix", "")
            reason = f"it computes, but {why}" + (f"; {fix}" if fix else "")
            if work.settings.timeout is None:
                self._decision = Decision("inline", 1, reason)
                self._announce()
                Inline(work).run(None)
            else:
                self._decision = Decision("thread", 1, reason)
                self._announce()
                drive(work, Threads(work.fn, 1, work.settings.timeout))
            return
        self._announce()
        drive(work, lane)

    def _begin_processes(self) -> Processes:
        work = self._work
        lane = _processes(work, self._decision.width, self._each)
        work.stop.wake = lane.wake
        try:
            lane.begin()
        except BaseException:
            lane.close()
            raise
        finally:
            work.stop.wake = None
        return lane

    def _lane(self) -> str:
        # The decision is changed by callbacks, which type checkers do not see.
        return self._decision.lane

    def _announce(self) -> None:
        lane, width, reason = self._decision
        self._work.chose(lane, reason)
        plural = "" if width == 1 else "s" if lane == "thread" else "es"
        where = "inline" if lane == "inline" else f"{width} {lane}{plural}"
        self._work.progress.say(f"{where}: {reason}")

    def _measure_inline(self) -> bool:
        """Runs items here; gives False if they are coroutines."""
        work = self._work
        inline = Inline(work)
        lookout: Lookout | None = None

        def is_enough() -> bool:
            gil: Gil = "unknown" if lookout is None else lookout.gil
            if inline.items:
                decision = self._decide(inline.used, inline.items, inline.seen, gil, inline.last)
                with inline.gate:
                    # The lane that runs the items since then is the one to tell of.
                    if inline.handed_over:
                        return True
                    self._was_asked = True
                    self._each = inline.used.wall / inline.items
                    self._decision = decision
            return self._decision.lane != "inline"

        def take_over(inside: Reading) -> bool:
            return self._take_over(inline, inside)

        if work.feed.left != 1 and inline.clocks.are_visible_to_others:
            lookout = Lookout(inline, take_over)
        try:
            inline.run(is_enough)
        except BaseException as raised:
            # The lane that was started beside it must end, too.
            work.stop.fail(raised)
            raise
        finally:
            if lookout is not None:
                lookout.finish()
        if not self._was_asked and not inline.handed_over and inline.items:
            is_enough()
        return not inline.found_coroutine

    def _take_over(self, inline: Inline, inside: Reading) -> bool:
        """Called beside an item that waits: starts the others in threads, if that is better."""
        work = self._work
        with inline.gate:
            if not work.feed.is_plain or work.stop.requested or inline.handed_over:
                return False
            # It is not over yet; to expect as much again is fair.
            guess = Reading(2 * inside.wall, 2 * inside.cpu, 2 * inside.queued)
            decision = self._decide(guess, 1, inline.seen + 1, "unknown", None)
            if decision.lane != "thread":
                return False
            inline.handed_over = True
            left, bound = work.feed.left, work.settings.concurrency or THREADS_MAX
        # An item computes most when it begins, so a first look says nothing about the width.
        decision = decision._replace(width=bound if left is None else max(1, min(bound, left)))
        waits = inside.waiting / inside.wall
        self._decision = decision._replace(reason=f"an item waits {waits:.0%} of its time")
        self._announce()
        drive(work, Threads(work.fn, decision.width, None))
        return True

    def _decide(
        self, used: Reading, items: int, seen: int, gil: Gil, sample: tuple[Any, Any] | None
    ) -> Decision:
        work = self._work
        wall, cpu, queued = (max(0.0, part) / max(1, items) for part in used)
        facts = Evidence(
            seen=seen,
            left=work.feed.left,
            wall=wall,
            cpu=cpu,
            queued=queued,
            gil=gil,
            cores=self._cores,
            concurrency=work.settings.concurrency,
            interval=0.0 if work.pace is None else work.pace.interval,
            pickled=0.0,
            process_start=FORK_S,
            process_hindrance="",
        )
        decision = decide(facts)
        if decision.lane == "process" or (decision.lane == "thread" and gil == "free"):
            facts = facts._replace(**self._process_facts(sample))
            decision = decide(facts)
        if decision.lane == "inline" and self._hindrance:
            # Towards the end nothing would pay any more; what hindered it before is the reason.
            if self._hindered is None or self._hindrance in decision.reason:
                self._hindered = decision
            return self._hindered
        return decision

    def _process_facts(self, sample: tuple[Any, Any] | None) -> dict[str, Any]:
        """What processes would cost, asked only when they are likely."""
        from laneway._map._pickling import round_trip_s  # noqa: PLC0415 - few runs need it

        if self._hindrance is None:
            self._hindrance, self._start = self._find_hindrance()
        hindrance, pickled = self._hindrance, 0.0
        if not hindrance and sample is not None:
            for name, value in zip(("an item", "a result"), sample, strict=True):
                seconds = round_trip_s(value)
                if seconds is None:
                    hindrance = f"{name} of type `{type(value).__name__}` cannot be pickled"
                else:
                    pickled += seconds
        return {
            "process_hindrance": hindrance,
            "pickled": pickled,
            "process_start": self._start,
        }

    def _find_hindrance(self) -> tuple[str, float]:
        from laneway._map._pickling import dumps_function, main_hindrance  # noqa: PLC0415
        from laneway._map._processes import likely_fork_hindrance  # noqa: PLC0415

        if _child.is_inside:
            return "it runs inside a process lane already", 0.0
        if not (no_copy := likely_fork_hindrance()):
            return "", FORK_S
        if main_hindrance() and getattr(self._work.fn, "__module__", "__main__") == "__main__":
            why = "it cannot be imported by another process: " + main_hindrance()
            return f"{why}, and {no_copy}", SPAWN_S
        try:
            dumps_function(self._work.fn)
        except Exception as error:  # noqa: BLE001 - pickling runs the function's own code
            return f"{getattr(error, 'why', error)}, and {no_copy}", SPAWN_S
        return "", SPAWN_S

    def _try_threads(self) -> None:
        """Believes that threads use several cores when it sees them do it."""
        work = self._work
        began, ran, wanted = time.perf_counter(), time.process_time(), cores_wanted()
        leaves: list[bool] = []

        def is_enough() -> bool:
            if not leaves and (wall := time.perf_counter() - began) >= PROBE_S:
                gil = gil_of((time.process_time() - ran) / wall, (cores_wanted() - wanted) / wall)
                hindrance = self._process_facts(None)["process_hindrance"]
                leaves.append(gil == "held" and not hindrance)
                reason = confirmed(self._decision.reason, gil, hindrance)
                self._decision = self._decision._replace(reason=reason)
                if not leaves[0]:
                    self._announce()
            return bool(leaves) and leaves[0]

        drive(work, Threads(work.fn, self._decision.width, None), is_enough=is_enough)
        if leaves and leaves[0] and not work.stop.requested and work.feed.has_more:
            text = f"threads used one core only; {self._cores} cores"
            self._decision = Decision("process", self._cores, text)
        elif not leaves or leaves[0]:
            self._announce()

    def _measure_in_threads(self) -> None:
        """Begins in one thread, because an item that never ends has to have a time limit."""
        work, measured = self._work, _Measured(self._work.fn)
        lane = Threads(measured, 1, work.settings.timeout)
        began = time.monotonic()

        def is_enough() -> bool:
            if lane.width > 1 or self._lane() == "process":
                return self._lane() == "process"
            used, items = measured.used, measured.items
            waited = time.monotonic() - began
            if used.wall >= MEASURE_S and items:
                self._each = used.wall / items
                self._decision = self._decide(used, items, items, "unknown", measured.last)
            elif waited >= PATIENCE_S:
                guess = Reading(2 * waited, used.cpu, 0.0)
                self._decision = self._decide(guess, 1, 1, "unknown", None)
            if self._decision.lane == "thread":
                lane.width = self._decision.width
                self._announce()
            return self._lane() == "process"

        drive(work, lane, is_enough=is_enough)
        if self._lane() == "inline":
            reason = "one thread, so that `timeout` can be kept"
            if self._hindered is not None:
                reason = f"{self._hindered.reason}; {reason}"
            self._decision = Decision("thread", 1, reason)


class _Measured:
    """A function that adds up what its calls use."""

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self._fn = fn
        self._lock = threading.Lock()
        self.used = Reading(0.0, 0.0, 0.0)
        self.items = 0
        self.last: tuple[Any, Any] | None = None

    def __call__(self, item: object) -> object:
        clocks = ThreadClocks()
        before = read(clocks)
        try:
            value = self._fn(item)
            self.last = item, value
            return value
        finally:
            used = read(clocks).since(before)
            with self._lock:
                both = zip(self.used, used, strict=True)
                self.used = Reading(*(old + new for old, new in both))
                self.items += 1
