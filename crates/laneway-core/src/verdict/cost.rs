//! What a run costs in each lane: the model behind every predicted gain.
//!
//! A plain function is judged by the *time per run* while as many as are wanted run at once: the
//! scarcest of cores, GIL and width decides. A coroutine is judged by the *loop time* per run: for
//! that long nobody else on its loop can go on.
//!
//! Arguments and results are decoded and encoded where the task runs, in every lane, so that a move
//! of a whole task saves nothing of it and costs nothing more: a plain function's CPU time contains
//! it. A coroutine's does not, and its loop pays for it. Only a part of a coroutine that is handed
//! to a process is serialised on the loop for that.

use serde::Serialize;

use super::estimate::Estimate;
use super::evidence::Evidence;
use super::facts::{Calibration, Form, TaskFacts};
use super::thresholds::{
    CORES_USED_RELEASED, DILATION_MAX, ENCODE_UNCERTAINTY, GAIN_MIN, LOSS_MAX,
    SAVED_CORE_SHARE_MIN, SAVED_PER_RUN_MIN,
};
use crate::job::Lane;
use crate::profile::nanos::approximate;
use crate::profile::{Blockage, Profile};

/// What a prediction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicted {
    /// Time in which a run keeps its event loop from everybody else.
    LoopTime,
    /// Time after which the lane can finish the next run, while as many as are wanted are there.
    TimePerRun,
}

/// A predicted change, with its 95 % range. Before and after share their uncertainty: if a run
/// computes more than it seems, it does so in both lanes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prediction {
    /// Of what.
    pub of: Predicted,
    /// Seconds a run now.
    pub before_seconds: Estimate,
    /// Seconds a run after the change.
    pub after_seconds: Estimate,
    /// How many times less that is.
    pub gain: Estimate,
    /// Seconds saved a run; negative when it would lose.
    pub saved_seconds: Estimate,
    /// The lower end of what all runs together save, in cores.
    pub saved_cores: f64,
}

impl Prediction {
    /// Whether the gain clears the dead band even at the worse end of its range.
    pub fn clears(&self) -> bool {
        self.gain.low >= GAIN_MIN
            && (self.saved_seconds.low >= SAVED_PER_RUN_MIN
                || self.saved_cores >= SAVED_CORE_SHARE_MIN)
    }
}

/// Where the work of a coroutine or function could go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// To an async library: what blocks becomes an `await`.
    AsyncLibrary,
    /// To a thread.
    Thread,
    /// To a process.
    Process,
}

impl Target {
    pub(super) const fn of(lane: Lane) -> Self {
        match lane {
            Lane::Async => Self::AsyncLibrary,
            Lane::Thread => Self::Thread,
            Lane::Process => Self::Process,
        }
    }

    pub(super) const fn lane(self) -> Lane {
        match self {
            Self::AsyncLibrary => Lane::Async,
            Self::Thread => Lane::Thread,
            Self::Process => Lane::Process,
        }
    }
}

/// Seconds of one run, one point of what is possible.
#[derive(Debug, Clone, Copy)]
struct Point {
    cpu: f64,
    blocked: f64,
    awaited: f64,
    encode: f64,
}

/// What of a task leaves for another lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it: it is a plain function, or a coroutine that never awaits.
    Whole,
    /// The part of a coroutine that blocks or computes.
    Part,
}

impl Extent {
    fn of(facts: &TaskFacts) -> Self {
        let is_whole = facts.form == Form::Def || facts.has_await == Some(false);
        if is_whole { Self::Whole } else { Self::Part }
    }
}

/// Seconds of one run, with their ranges, and the machine it runs on.
#[derive(Debug, Clone, Copy)]
pub(super) struct CostModel {
    pub(super) cpu: Estimate,
    pub(super) blocked: Estimate,
    awaited: Estimate,
    pub(super) encode: Estimate,
    calibration: Calibration,
    concurrency: f64,
    rate: f64,
    is_gil_held: bool,
    /// Cores that its threads get under the GIL: more than one when they let go of it at times.
    cores_used: f64,
    is_thread_unsafe: bool,
    moves: Extent,
    /// How much longer what needs a core takes, since it has to wait for one.
    dilation: f64,
}

impl CostModel {
    pub(super) fn of(
        profile: &Profile,
        evidence: &Evidence,
        facts: &TaskFacts,
        calibration: &Calibration,
    ) -> Self {
        Self {
            cpu: Estimate::mean_of(&profile.cpu),
            blocked: Estimate::mean_of(&profile.blocked).times(evidence.own_blocked_factor()),
            awaited: Estimate::mean_of(&profile.awaited),
            encode: encode_of(profile, calibration),
            calibration: *calibration,
            concurrency: evidence.concurrency,
            rate: evidence.rate,
            is_gil_held: is_gil_held(profile, evidence, calibration),
            cores_used: evidence.cores_used.unwrap_or(1.0).max(1.0),
            is_thread_unsafe: facts.is_thread_unsafe,
            moves: Extent::of(facts),
            dilation: dilation_of(profile),
        }
    }

    /// Whether the time to serialise decides about a move to a process.
    pub(super) const fn depends_on_encode(&self) -> bool {
        matches!(self.moves, Extent::Part)
    }

    pub(super) const fn is_gil_held(&self) -> bool {
        self.is_gil_held
    }

    /// Where work belongs that leaves the loop: to a process when it computes under the GIL so
    /// much that its processes, all of them busy, get more done than its threads, all of them busy.
    /// Else to a thread, which is the smaller change.
    pub(super) fn off_the_loop(&self, can_go_to_process: bool) -> Target {
        let Point { cpu, blocked, encode, .. } = self.likely();
        let width = f64::from(self.calibration.threads_max.max(1));
        let held = cpu + self.decoding(self.likely());
        let thread = held.max((held + blocked) / width) + self.dispatch(Lane::Thread);
        let process = (cpu + blocked + encode + self.dispatch(Lane::Process)) / self.cores();
        if can_go_to_process && self.is_gil_held && process * LOSS_MAX < thread {
            Target::Process
        } else {
            Target::Thread
        }
    }

    const fn likely(&self) -> Point {
        Point {
            cpu: self.cpu.likely,
            blocked: self.blocked.likely,
            awaited: self.awaited.likely,
            encode: self.encode.likely,
        }
    }

    /// How many runs of this task a lane runs at once.
    pub(super) fn parallelism(&self, lane: Lane) -> f64 {
        let width = match lane {
            Lane::Async => f64::INFINITY,
            Lane::Thread if self.is_thread_unsafe => 1.0,
            Lane::Thread => f64::from(self.calibration.threads_max.max(1)),
            Lane::Process => self.cores(),
        };
        width.min(self.concurrency)
    }

    fn cores(&self) -> f64 {
        f64::from(self.calibration.cores.max(1))
    }

    fn dispatch(&self, lane: Lane) -> f64 {
        self.calibration.dispatch(lane).as_secs_f64()
    }

    /// What a move from `from` to `to` changes. A coroutine's own time per run does not matter
    /// beside what it does to its loop.
    pub(super) fn predict(&self, from: Lane, to: Target) -> Prediction {
        match from {
            Lane::Async => self.compare(
                Predicted::LoopTime,
                |run| run.cpu + run.blocked + self.decoding(run) + self.dispatch(Lane::Async),
                |run| self.loop_time(to, run),
            ),
            Lane::Thread | Lane::Process => self.compare(
                Predicted::TimePerRun,
                |run| self.time_per_run(Target::of(from), run),
                |run| self.time_per_run(to, run),
            ),
        }
    }

    /// What a coroutine's arguments and result cost its loop, where that leaves it with the task.
    const fn decoding(&self, run: Point) -> f64 {
        match self.moves {
            Extent::Whole => run.encode,
            Extent::Part => 0.0,
        }
    }

    /// What is left on the loop waits for a core as often as the task did; the times before the
    /// move are without such waits, so that a starved host promises less.
    fn loop_time(&self, to: Target, run: Point) -> f64 {
        let rest = match to {
            Target::AsyncLibrary => run.cpu + self.decoding(run),
            // A thread that computes under the GIL keeps it from the loop.
            Target::Thread if self.is_gil_held => run.cpu + self.decoding(run),
            Target::Thread => self.decoding(run),
            Target::Process => match self.moves {
                Extent::Whole => 0.0,
                Extent::Part => run.encode,
            },
        };
        (self.dispatch(to.lane()) + rest) * self.dilation
    }

    fn time_per_run(&self, lane: Target, run: Point) -> f64 {
        let parallelism = self.parallelism(lane.lane());
        let time = match lane {
            Target::AsyncLibrary => {
                let in_flight = (run.cpu + run.blocked + run.awaited) / parallelism;
                run.cpu.max(in_flight)
            }
            Target::Thread => {
                let computing = if self.is_gil_held {
                    run.cpu / self.cores_used
                } else {
                    run.cpu / self.cores().min(parallelism)
                };
                computing.max((run.cpu + run.blocked) / parallelism)
            }
            // Each process takes its next job out of its own socket while the others work.
            Target::Process => {
                return (run.cpu + run.blocked + self.dispatch(Lane::Process)) / parallelism;
            }
        };
        time + self.dispatch(lane.lane())
    }

    /// Evaluates both sides at the corners of what is possible.
    fn compare(
        &self,
        of: Predicted,
        before: impl Fn(Point) -> f64,
        after: impl Fn(Point) -> f64,
    ) -> Prediction {
        let likely = self.likely();
        let corner = |cpu, blocked, encode| {
            let run = Point { cpu, blocked, encode, ..likely };
            (before(run), after(run))
        };
        let (likely_before, likely_after) = (before(likely), after(likely));
        let mut befores = Estimate::exact(likely_before);
        let mut afters = Estimate::exact(likely_after);
        let mut gain = Estimate::exact(ratio(likely_before, likely_after));
        let mut saved = Estimate::exact(likely_before - likely_after);
        for cpu in [self.cpu.low, self.cpu.high] {
            for blocked in [self.blocked.low, self.blocked.high] {
                for encode in [self.encode.low, self.encode.high] {
                    let (before, after) = corner(cpu, blocked, encode);
                    widen(&mut befores, before);
                    widen(&mut afters, after);
                    widen(&mut gain, ratio(before, after));
                    widen(&mut saved, before - after);
                }
            }
        }
        Prediction {
            of,
            before_seconds: befores,
            after_seconds: afters,
            gain,
            saved_seconds: saved,
            saved_cores: saved.low.max(0.0) * self.rate,
        }
    }
}

fn widen(estimate: &mut Estimate, value: f64) {
    estimate.low = estimate.low.min(value);
    estimate.high = estimate.high.max(value);
}

fn ratio(before: f64, after: f64) -> f64 {
    before.max(1e-9) / after.max(1e-9)
}

/// How much longer its steps take than they would with a core at once.
fn dilation_of(profile: &Profile) -> f64 {
    let own = profile.cpu.sum().saturating_add(profile.blocked.sum()).as_secs_f64();
    let delay = profile.run_delay.sum().as_secs_f64();
    if own > 0.0 { ((own + delay) / own).min(DILATION_MAX) } else { 1.0 }
}

/// The time to serialise, measured; else a guess from the bytes, with a wide range upwards.
fn encode_of(profile: &Profile, calibration: &Calibration) -> Estimate {
    if !profile.encode.sum().is_zero() {
        return Estimate::mean_of(&profile.encode);
    }
    let bytes = approximate(profile.args_bytes.saturating_add(profile.result_bytes));
    let mebibytes = bytes / approximate(profile.runs().max(1)) / approximate(1 << 20);
    let guess = calibration.encode_per_mebibyte.as_secs_f64() * mebibytes;
    Estimate { low: guess, likely: guess, high: guess * ENCODE_UNCERTAINTY }
}

/// Whether computing keeps the GIL. Without a sign of the contrary it does, as pure Python would.
fn is_gil_held(profile: &Profile, evidence: &Evidence, calibration: &Calibration) -> bool {
    let is_released_on_stacks =
        profile.sites.worst(&[Blockage::Cpu]).is_some_and(|site| site.gil_held == Some(false));
    let is_full = evidence.uses_all_cores(calibration);
    let uses_cores = evidence.cores_used.is_some_and(|cores| cores > CORES_USED_RELEASED)
        && (is_full || !queues_for_gil(profile));
    calibration.has_gil && !is_released_on_stacks && !uses_cores
}

/// Whether attempts were seen to wait for the GIL longer than they work. Threads that let go of it
/// often and have to queue for it each time use far less than the cores.
pub(super) fn queues_for_gil(profile: &Profile) -> bool {
    let own = profile.gil.blocked.saturating_sub(profile.gil.waited);
    profile.gil.waited > profile.cpu.sum().saturating_add(own)
}
