//! Runs that begin together in threads: what a runner sees of them, and the verdict on it.

use super::*;
use crate::profile::{Looks, SeenBlocked};

/// How often a runner looks, at how many of its attempts, and how often it tells what it saw.
const LOOK_EVERY: u32 = 20;
const LOOKED_AT: usize = 8;
const TOLD_EVERY: u32 = 500;

/// How long a thread keeps the GIL while others want it: in Python code, and in a call of C code.
const SWITCH: u32 = 5;
const ONE_CALL: u32 = u32::MAX;

/// Attempts that sleep and then compute, in whole milliseconds, so many at once in threads.
#[derive(Debug, Clone, Copy)]
struct Burst {
    at_once: usize,
    sleep: u32,
    cpu: u32,
    waves: u32,
    /// How long a thread keeps the GIL.
    turn: u32,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    began: u32,
    sleep_left: u32,
    cpu_left: u32,
    looks: Looks,
}

/// One GIL, and a runner that looks on.
struct ThreadLane {
    burst: Burst,
    now: u32,
    looked_at: usize,
    running: Vec<Attempt>,
    /// Who has the GIL, for how long, and who comes next.
    holder: Option<(usize, u32)>,
    seen: SeenBlocked,
    profile: Profile,
}

impl ThreadLane {
    fn new(burst: Burst) -> Self {
        Self {
            burst,
            now: 0,
            looked_at: 0,
            running: Vec::new(),
            holder: None,
            seen: SeenBlocked::default(),
            profile: profile(Lane::Thread, 0, Work::default()),
        }
    }

    fn begin(&mut self) {
        let Burst { at_once, sleep, cpu, .. } = self.burst;
        let (began, looks) = (self.now, Looks::default());
        let attempt = Attempt { began, sleep_left: sleep, cpu_left: cpu, looks };
        self.running.extend(std::iter::repeat_n(attempt, at_once));
        self.holder = None;
    }

    /// The one that has the GIL for the next millisecond.
    fn give_gil(&mut self) -> Option<usize> {
        let wants = |attempt: &Attempt| attempt.sleep_left == 0;
        let count = self.running.len();
        let next = match self.holder {
            Some((at, held))
                if held < self.burst.turn && self.running.get(at).is_some_and(wants) =>
            {
                Some((at, held))
            }
            holder => {
                let first = holder.map_or(0, |(at, _)| at.wrapping_add(1));
                let mut places = (0..count).map(|step| (first + step) % count);
                places.find(|at| wants(&self.running[*at])).map(|at| (at, 0))
            }
        };
        self.holder = next.map(|(at, held)| (at, held.saturating_add(1)));
        next.map(|(at, _)| at)
    }

    fn look(&mut self, holder: Option<usize>) {
        let count = self.running.len();
        for step in 0..LOOKED_AT.min(count) {
            let at = (self.looked_at + step) % count;
            let attempt = &mut self.running[at];
            if Some(at) == holder {
                continue;
            }
            let weight = count.max(LOOKED_AT) as u64;
            attempt.looks.count += 1;
            if attempt.sleep_left > 0 {
                attempt.looks.other += weight;
            } else {
                attempt.looks.gil += weight;
            }
        }
        self.looked_at += LOOKED_AT;
    }

    fn end(&mut self, at: usize) {
        let Attempt { began, looks, .. } = self.running.remove(at);
        let (wall, cpu) = (self.now + 1 - began, self.burst.cpu);
        let millis = |count: u32| Duration::from_millis(count.into());
        let run = Measurement {
            wall: millis(wall),
            cpu: millis(cpu),
            blocked: millis(wall - cpu),
            run_delay: Some(Duration::ZERO),
            encode: millis(1),
            args_bytes: 100,
            peers: 5,
            ..Measurement::default()
        };
        self.profile.record(&run, Timestamp::from_micros(i64::from(self.now) * 1_000));
        self.seen.record(run.blocked, looks);
        self.holder = self.holder.map(|_| (at.wrapping_sub(1), u32::MAX));
    }

    fn tell(&mut self) {
        if let Some(known) = self.seen.take() {
            self.profile.gil.add(&known);
        }
    }

    /// Runs all waves, one after another, and gives what was measured.
    fn measured(mut self) -> Profile {
        let (mut busy, mut cpu) = (0.0, 0.0);
        for _ in 0..self.burst.waves {
            self.begin();
            while !self.running.is_empty() {
                let holder = self.give_gil();
                if self.now.is_multiple_of(LOOK_EVERY) {
                    self.look(holder);
                }
                for attempt in &mut self.running {
                    attempt.sleep_left = attempt.sleep_left.saturating_sub(1);
                }
                busy += 1.0;
                if let Some(at) = holder {
                    cpu += 1.0;
                    self.running[at].cpu_left -= 1;
                    if self.running[at].cpu_left == 0 {
                        self.end(at);
                    }
                }
                self.now += 1;
                if self.now.is_multiple_of(TOLD_EVERY) {
                    self.tell();
                }
            }
        }
        self.tell();
        let (busy, cpu) = (millis(busy), millis(cpu));
        self.profile.occupancy = Occupancy { busy, cpu, contended: busy, contended_cpu: cpu };
        self.profile
    }
}

fn advised(burst: Burst) -> Advice {
    let concurrency = u32::try_from(burst.at_once).unwrap();
    ask_on(2, &[ThreadLane::new(burst).measured()], &function(Lane::Thread, concurrency))
}

/// All runs sleep at first and compute then. What was seen of them while they slept was told of the
/// first that ended, and the later ones seemed to have waited for nothing but the GIL: the advice
/// was a move that makes them a quarter slower, with high confidence.
#[test]
fn runs_that_sleep_before_they_compute_are_not_sent_to_processes() {
    for (at_once, sleep, cpu, waves) in
        [(24, 200, 115, 1), (24, 200, 115, 5), (40, 200, 60, 2), (8, 300, 100, 6), (30, 50, 20, 4)]
    {
        for turn in [SWITCH, ONE_CALL] {
            let burst = Burst { at_once, sleep, cpu, waves, turn };
            let advice = advised(burst);
            assert_eq!((advice.better_lane, &advice.change), (None, &Change::Keep), "{burst:?}");
            let own = f64::from(sleep) / advice.evidence.blocked.mean.as_secs_f64() / 1e3;
            let seen = advice.evidence.own_blocked_share.unwrap();
            assert!((seen - own).abs() < 0.05, "{burst:?}: {seen} for {own}");
        }
    }
}

#[test]
fn runs_that_compute_and_hardly_sleep_are_sent_to_processes() {
    for (at_once, sleep, cpu, waves) in [(24, 4, 115, 5), (8, 10, 100, 6), (4, 0, 200, 10)] {
        for turn in [SWITCH, ONE_CALL] {
            let advice = advised(Burst { at_once, sleep, cpu, waves, turn });
            assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R4), Some(Lane::Process)));
            assert_eq!((advice.confidence, advice.doubts), (Confidence::High, Vec::new()));
        }
    }
}

/// They are no independent witnesses.
#[test]
fn one_burst_of_threads_is_not_enough_for_high_confidence() {
    for (waves, confidence) in [(1, Confidence::Medium), (2, Confidence::Medium)] {
        let advice = advised(Burst { at_once: 24, sleep: 0, cpu: 115, waves, turn: SWITCH });
        assert_eq!((advice.better_lane, advice.confidence), (Some(Lane::Process), confidence));
        assert_eq!(advice.doubts, [Doubt::FewWaves]);
    }
}

proptest! {
    /// The lane that a task is sent to does not send it back.
    #[test]
    fn no_task_is_sent_to_and_fro(
        at_once in 2_usize..40, sleep in 0_u32..300, cpu in 10_u32..120, waves in 1_u32..6,
        turn in prop::sample::select(vec![SWITCH, ONE_CALL]),
    ) {
        let burst = Burst { at_once, sleep, cpu, waves, turn };
        let in_threads = advised(burst);
        let work = Work {
            cpu: cpu.into(),
            blocked: sleep.into(),
            encode: 1.0,
            args_bytes: 100,
            ..Work::default()
        };
        let concurrency = u32::try_from(at_once).unwrap();
        let runs = profile(Lane::Process, 100, work);
        let in_processes = ask_on(2, &[runs], &function(Lane::Process, concurrency));
        let is_sent = |advice: &Advice| advice.better_lane.is_some();
        prop_assert!(!(is_sent(&in_threads) && is_sent(&in_processes)), "{in_threads:?}");
    }
}
