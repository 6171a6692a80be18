"""The decision of `laneway.map` is a pure function of what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from laneway._map._decision import Evidence, chunk_of, confirmed, decide, gil_of, span

if TYPE_CHECKING:
    from laneway._map._decision import Gil

BASE = Evidence(
    seen=1,
    left=99,
    wall=0.1,
    cpu=0.0,
    queued=0.0,
    gil="unknown",
    cores=4,
    concurrency=None,
    interval=0.0,
    pickled=0.0,
    process_start=0.01,
    process_hindrance="",
)


def test_what_waits_goes_to_threads() -> None:
    decision = decide(BASE._replace(cpu=0.001))
    assert decision.lane == "thread"
    assert "waits 99%" in decision.reason
    assert decision.width == 64


def test_what_computes_goes_to_processes() -> None:
    decision = decide(BASE._replace(cpu=0.1, gil="held"))
    assert (decision.lane, decision.width) == ("process", 4)
    assert "computes 100%" in decision.reason
    assert "keeps the GIL" in decision.reason


def test_what_computes_without_the_gil_goes_to_as_many_threads_as_cores() -> None:
    decision = decide(BASE._replace(cpu=0.1, gil="free"))
    assert (decision.lane, decision.width) == ("thread", 4)
    assert "seems to let go of the GIL" in decision.reason


@pytest.mark.parametrize("gil", ["unknown", "held"])
def test_what_was_not_seen_to_let_go_of_the_gil_is_not_said_to(gil: Gil) -> None:
    mixed = BASE._replace(cpu=0.06, gil=gil, process_hindrance="it cannot be pickled")
    decision = decide(mixed)
    assert decision.lane == "thread"
    assert decision.reason == "an item computes 60% of its 100 ms and waits for the rest"


@pytest.mark.parametrize(
    ("ran", "wanted", "gil", "words"),
    [
        (1.8, 1.9, "free", "lets go of the GIL meanwhile"),
        (0.9, 1.0, "held", "seemed to let go of the GIL meanwhile, but keeps it"),
        (0.6, 1.7, "unknown", "seems to let go of the GIL meanwhile; the host is too busy to tell"),
    ],
)
def test_a_busy_host_leaves_open_who_keeps_the_gil(
    ran: float, wanted: float, gil: Gil, words: str
) -> None:
    tried = decide(BASE._replace(cpu=0.1, gil="free")).reason
    assert gil_of(ran, wanted) == gil
    assert confirmed(tried, gil, "") == f"an item computes for 100 ms and {words}"


def test_what_keeps_the_gil_stays_in_threads_for_what_keeps_it_from_processes() -> None:
    tried = decide(BASE._replace(cpu=0.1, gil="free")).reason
    reason = confirmed(tried, "held", "it cannot be pickled")
    assert reason.endswith(
        "seemed to let go of the GIL meanwhile, but keeps it; no processes: it cannot be pickled"
    )


def test_trivial_work_needs_no_lane() -> None:
    decision = decide(BASE._replace(wall=1e-7, cpu=1e-7, left=1_000_000, pickled=2e-6))
    assert decision.lane == "inline"
    assert decision.reason.startswith("no lane needed")


def test_a_blink_of_work_needs_no_lane() -> None:
    assert decide(BASE._replace(wall=0.01, cpu=0.0, left=2)).lane == "inline"
    assert decide(BASE._replace(wall=0.01, cpu=0.01, left=4)).lane == "inline"


def test_a_wait_for_a_core_is_not_a_wait() -> None:
    decision = decide(BASE._replace(cpu=0.02, queued=0.08))
    assert decision.lane == "process"
    assert decide(BASE._replace(cpu=0.02, queued=0.08, cores=1)).lane == "inline"


def test_one_core_has_nothing_to_share() -> None:
    assert decide(BASE._replace(cpu=0.1, gil="held", cores=1)).lane == "inline"


@pytest.mark.parametrize("left", [0, 1])
def test_nothing_is_started_for_a_single_item(left: int) -> None:
    assert decide(BASE._replace(left=left)).lane == "inline"


def test_values_that_are_dear_to_send_stay() -> None:
    decision = decide(BASE._replace(cpu=0.1, gil="held", pickled=0.09))
    assert decision.lane == "inline"


def test_the_reason_says_why_processes_cannot_be_used() -> None:
    decision = decide(BASE._replace(cpu=0.1, gil="held", process_hindrance="it is a notebook"))
    assert decision.lane == "inline"
    assert decision.reason == "it computes, but it is a notebook"


def test_a_rate_that_bounds_the_run_makes_a_lane_needless() -> None:
    decision = decide(BASE._replace(wall=0.01, interval=0.5))
    assert decision.lane == "inline"
    assert "rate" in decision.reason
    threads = decide(BASE._replace(wall=1.0, interval=0.1))
    assert threads.lane == "thread"


def test_the_callers_bound_is_kept() -> None:
    assert decide(BASE._replace(concurrency=3)).width == 3
    assert decide(BASE._replace(concurrency=2, cpu=0.1, gil="held")).width == 2
    assert decide(BASE._replace(concurrency=1)).lane == "inline"


def test_of_an_unknown_number_as_many_again_are_expected() -> None:
    assert decide(BASE._replace(left=None, seen=1)).lane == "inline"
    many = decide(BASE._replace(left=None, seen=4))
    assert (many.lane, many.width) == ("thread", 64)


@pytest.mark.parametrize("cores", [1, 2, 8, 64])
@pytest.mark.parametrize("wall", [1e-7, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("left", [None, 0, 1, 10, 10_000])
def test_no_measurement_is_too_odd(cores: int, wall: float, share: float, left: int | None) -> None:
    decision = decide(BASE._replace(cores=cores, wall=wall, cpu=share * wall, left=left))
    assert decision.width >= 1
    assert decision.reason


def test_a_chunk_pays_for_its_round_trip_and_leaves_work_for_others() -> None:
    assert chunk_of(1.0, 1_000, 2) == 1
    assert chunk_of(1e-5, None, 2) == 1_000
    assert chunk_of(1e-5, 80, 2) == 10
    assert chunk_of(0.0, 0, 2) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(75.0, "75 s"), (1.5, "1.5 s"), (0.0214, "21 ms"), (4e-5, "40 µs"), (3e-7, "0.3 µs")],
)
def test_times_are_told_in_two_digits(seconds: float, text: str) -> None:
    assert span(seconds) == text
