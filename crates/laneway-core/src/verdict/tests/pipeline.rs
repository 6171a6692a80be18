//! Advice and auto lane together, on a simulated worker whose thread lane is bound by the GIL.

use super::super::auto::{AutoLane, LaneMove, MoveKind, Run, run_cost};
use super::super::dice::Dice;
use super::*;

const CROWD: u32 = 4;

/// A worker that runs one task, four at once, ten a second, and asks for advice every `ask_every`
/// runs. A run computes 50 ms and waits `waiting` times as long for an answer, which threads do
/// beside each other's computing and processes do not.
struct Simulation {
    dice: Dice,
    auto: AutoLane,
    profiles: Vec<Profile>,
    cores: u32,
    waiting: f64,
}

impl Simulation {
    fn new(seed: u64, cores: u32, waiting: f64) -> Self {
        Self {
            dice: Dice(seed),
            auto: AutoLane::new(task(), SizeBucket::of(100), Lane::Thread),
            profiles: [Lane::Thread, Lane::Process]
                .map(|lane| profile(lane, 0, Work { args_bytes: 100, ..Work::default() }))
                .into(),
            cores,
            waiting,
        }
    }

    fn run(&mut self, now: Timestamp) -> Option<LaneMove> {
        let lane = self.auto.pick(self.dice.uniform());
        let cpu = 50.0 * self.dice.lognormal(0.6);
        let waiting = cpu * self.waiting;
        let is_thread = lane == Lane::Thread;
        let queue = (cpu * f64::from(CROWD - 1) - waiting).max(0.0);
        let gil_wait = if is_thread { queue } else { 0.0 };
        let wall = millis(cpu + waiting + gil_wait);
        let measurement = Measurement {
            wall,
            cpu: millis(cpu),
            blocked: millis(waiting + gil_wait),
            gil_wait: Some(millis(gil_wait)),
            run_delay: Some(Duration::ZERO),
            encode: millis(cpu * 0.1),
            args_bytes: 100,
            peers: CROWD - 1,
            ..Measurement::default()
        };
        let profile = self.profiles.iter_mut().find(|profile| profile.key.lane == lane).unwrap();
        profile.record(&measurement, now);
        if is_thread {
            profile.occupancy.merge(&Occupancy {
                busy: wall,
                cpu: wall,
                contended: wall,
                contended_cpu: wall,
            });
        }
        let width = if is_thread { 40 } else { self.cores };
        // One GIL lets one of the crowd go on at a time, which its wall time shows.
        let cost = run_cost(wall, width, CROWD);
        self.auto.observe(Run { lane, cost, error: None }, now)
    }

    fn advise(&mut self, now: Timestamp) -> Option<LaneMove> {
        let calibration = Calibration { cores: self.cores, ..Calibration::default() };
        let facts = function(self.auto.lane(), CROWD);
        let advice = advise(&Question {
            task: &task(),
            profiles: &self.profiles,
            calibration: &calibration,
            facts: &facts,
            lag: None,
        });
        let gain = advice.prediction?.gain.low;
        self.auto.propose(advice.better_lane?, gain, now)
    }

    fn moves(&mut self, runs: u32, ask_every: u32) -> Vec<LaneMove> {
        let mut events = Vec::new();
        for run in 1..=runs {
            let now = Timestamp::from_micros(i64::from(run) * 100_000);
            events.extend(self.run(now));
            if run % ask_every == 0 {
                events.extend(self.advise(now));
            }
        }
        events.retain(|event| event.is_move() || event.kind == MoveKind::Moved);
        events
    }
}

#[test]
fn a_better_lane_is_advised_tried_and_taken_within_a_hundred_runs() {
    for (cores, waiting) in [(2, 0.0), (4, 0.01), (4, 0.2)] {
        for seed in 0..40 {
            let mut simulation = Simulation::new(seed, cores, waiting);
            let moves = simulation.moves(400, 5);
            assert_eq!(simulation.auto.lane(), Lane::Process, "seed {seed}: {moves:?}");
            assert_eq!(moves.len(), 1, "seed {seed}: {moves:?}");
            assert!(moves[0].runs <= 100, "seed {seed}: {moves:?}");
        }
    }
}

#[test]
fn a_tie_is_not_even_tried() {
    for (seed, waiting) in [(0, 1.0), (1, 1.0), (2, 1.0), (3, 0.6)] {
        let mut simulation = Simulation::new(seed, 2, waiting);
        assert_eq!(simulation.moves(20_000, 100), []);
    }
}

#[test]
fn one_core_gains_nothing_from_processes() {
    let mut simulation = Simulation::new(1, 1, 0.0);
    assert_eq!(simulation.moves(2_000, 20), []);
}
