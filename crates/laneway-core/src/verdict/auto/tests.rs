//! The flapping simulation: random costs from a seed, one run a second.

use super::super::dice::Dice;
use super::*;

fn auto_lane(lane: Lane) -> AutoLane {
    AutoLane::new(TaskName::new("report").unwrap(), SizeBucket::of(100), lane)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

/// Runs a task whose process lane costs `ratio` times its thread lane, under an adviser that always
/// proposes the other lane, and tells what happened.
fn simulate(seed: u64, runs: i64, ratio: f64) -> (AutoLane, Vec<LaneMove>) {
    let (mut auto, mut dice, mut events) = (auto_lane(Lane::Thread), Dice(seed), Vec::new());
    for second in 0..runs {
        events.extend(auto.propose(auto.other(), 2.0, at(second)));
        let lane = auto.pick(dice.uniform());
        let factor = if lane == Lane::Process { ratio } else { 1.0 };
        let cost = nanos::from_seconds(0.05 * factor * dice.lognormal(0.6));
        events.extend(auto.observe(Run { lane, cost, error: None }, at(second)));
    }
    (auto, events)
}

fn moves(events: &[LaneMove]) -> usize {
    events.iter().filter(|event| event.is_move()).count()
}

#[test]
fn an_exact_tie_does_not_flap_even_under_an_adviser_that_is_always_wrong() {
    for seed in 0..40 {
        let (_, events) = simulate(seed, 20_000, 1.0);
        assert!(moves(&events) <= 2, "seed {seed}: {events:?}");
    }
}

#[test]
fn a_lane_that_is_twice_as_good_is_taken_within_a_hundred_runs_and_kept() {
    for seed in 0..200 {
        let (auto, events) = simulate(seed, 3_000, 0.5);
        let moved = events.iter().find(|event| event.kind == MoveKind::Moved);
        let moved = moved.unwrap_or_else(|| panic!("seed {seed}: {events:?}"));
        assert!(moved.runs <= 100, "seed {seed}: {moved:?}");
        assert_eq!((auto.lane(), moves(&events)), (Lane::Process, 1), "seed {seed}: {events:?}");
    }
}

#[test]
fn a_move_that_hurts_is_undone_and_the_lane_is_locked() {
    let mut undone = 0;
    for seed in 0..200 {
        let (auto, events) = simulate(seed, 3_000, 2.0);
        assert_eq!((auto.lane(), auto.is_locked()), (Lane::Thread, true), "seed {seed}");
        assert!(moves(&events) <= 2, "seed {seed}: {events:?}");
        undone += usize::from(moves(&events) == 2);
    }
    assert!(undone > 0, "every bad move was already stopped by its canary");
}

#[test]
fn a_lane_that_is_far_worse_is_stopped_by_its_canaries() {
    for seed in 0..100 {
        let (auto, events) = simulate(seed, 500, 100.0);
        assert_eq!((auto.is_locked(), moves(&events)), (true, 0), "seed {seed}: {events:?}");
        let last = events.last().unwrap();
        let is_slower = |harm: &Harm| matches!(harm, Harm::Slower { factor } if *factor > 1.1);
        assert!(matches!(&last.kind, MoveKind::CanaryRejected { harm } if is_slower(harm)));
    }
}

#[test]
fn the_same_seed_gives_the_same_moves() {
    assert_eq!(simulate(7, 2_000, 0.7), simulate(7, 2_000, 0.7));
}

fn settled(lane: Lane) -> AutoLane {
    let mut auto = auto_lane(lane);
    for second in 0..20 {
        let run = Run { lane, cost: Duration::from_millis(50), error: Some("KeyError") };
        assert_eq!(auto.observe(run, at(second)), None);
    }
    auto
}

#[test]
fn one_run_of_twenty_is_a_canary() {
    let (mut auto, mut dice) = (settled(Lane::Thread), Dice(1));
    assert!((0..100).all(|_| auto.pick(dice.uniform()) == Lane::Thread));
    auto.propose(Lane::Process, 2.0, at(100)).unwrap();
    for _ in 0..50 {
        let block: Vec<_> = (0..20).map(|_| auto.pick(dice.uniform())).collect();
        assert_eq!(block.iter().filter(|lane| **lane == Lane::Process).count(), 1);
    }
}

#[test]
fn an_error_that_the_old_lane_never_raised_stops_a_canary_and_undoes_a_move() {
    let run = |error| Run { lane: Lane::Process, cost: Duration::from_millis(20), error };
    let mut auto = settled(Lane::Thread);
    auto.propose(Lane::Process, 2.0, at(100)).unwrap();
    let mut moved = auto.clone();
    let rejected = auto.observe(run(Some("PicklingError")), at(101)).unwrap();
    let harm = Harm::NewError { kind: String::from("PicklingError") };
    assert_eq!(rejected.kind, MoveKind::CanaryRejected { harm: harm.clone() });
    assert_eq!((auto.lane(), auto.is_locked()), (Lane::Thread, true));

    for second in 101..104 {
        moved.observe(run(Some("KeyError")), at(second));
    }
    assert_eq!(moved.lane(), Lane::Process);
    let undone = moved.observe(run(Some("PicklingError")), at(104)).unwrap();
    assert_eq!((undone.kind, undone.to), (MoveKind::Undone { harm }, Lane::Thread));
    assert_eq!((moved.lane(), moved.is_locked()), (Lane::Thread, true));
    assert_eq!(moved.propose(Lane::Process, 9.0, at(9_999)), None);
}

#[test]
fn a_task_stays_for_a_minute_after_a_move_and_the_way_back_needs_measured_proof() {
    let (mut auto, mut dice) = (settled(Lane::Process), Dice(3));
    auto.propose(Lane::Thread, 2.0, at(100)).unwrap();
    let mut second = 100;
    while auto.lane() == Lane::Process || auto.phase != Phase::Settled {
        let lane = auto.pick(dice.uniform());
        auto.observe(Run { lane, cost: Duration::from_millis(40), error: None }, at(second));
        second += 1;
    }
    let moved_at = auto.moved_at.unwrap();
    // The thread lane becomes ten times dearer, so that the way back is proven.
    for _ in 0..400 {
        let run = Run { lane: Lane::Thread, cost: Duration::from_millis(400), error: None };
        auto.observe(run, moved_at);
    }
    let later = |seconds| moved_at.plus(Duration::from_secs(seconds));
    assert_eq!(auto.propose(Lane::Process, 2.0, later(59)), None);
    let mut unproven = auto.clone();
    assert!(auto.propose(Lane::Process, 2.0, later(60)).is_some());
    for _ in 0..400 {
        let run = Run { lane: Lane::Thread, cost: Duration::from_millis(45), error: None };
        unproven.observe(run, later(60));
    }
    assert_eq!(unproven.propose(Lane::Process, 2.0, later(61)), None);
}

#[test]
fn little_evidence_and_little_gain_start_nothing() {
    assert_eq!(auto_lane(Lane::Thread).propose(Lane::Process, 9.0, at(0)), None);
    assert_eq!(settled(Lane::Thread).propose(Lane::Process, 1.29, at(100)), None);
    assert_eq!(settled(Lane::Thread).propose(Lane::Thread, 9.0, at(100)), None);
    assert_eq!(auto_lane(Lane::Async).lane(), Lane::Thread);
}

#[test]
fn the_cost_of_a_run_counts_what_could_run_beside_it() {
    let wall = Duration::from_millis(400);
    assert_eq!(run_cost(wall, 40, 40), Duration::from_millis(10));
    assert_eq!(run_cost(wall, 2, 40), Duration::from_millis(200));
    assert_eq!(run_cost(wall, 40, 0), wall);
}

#[test]
fn an_event_survives_its_encoding() {
    for (_, events) in [simulate(7, 500, 0.5), simulate(7, 500, 3.0)] {
        assert!(events.len() > 1);
        let encoded = rmp_serde::to_vec(&events).unwrap();
        assert_eq!(rmp_serde::from_slice::<Vec<LaneMove>>(&encoded).unwrap(), events);
    }
}
