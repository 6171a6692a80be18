//! The numbers behind a verdict.

use std::time::Duration;

use serde::Serialize;

use super::estimate::runs_for;
use super::facts::{Calibration, TaskFacts};
use super::thresholds::{
    FULL_SHARE, QUEUE_WAIT, RUNS_MIN, SOLO_RUNS_MIN, TRIVIAL_DISPATCHES, WALL_MIN,
};
use crate::job::Lane;
use crate::profile::nanos::{approximate, from_seconds};
use crate::profile::{Blockage, Histogram, Profile};

/// A quantity of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Spread {
    /// Its mean.
    pub mean: Duration,
    /// Its median.
    pub p50: Duration,
    /// What one run in twenty exceeds.
    pub p95: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Spread {
    fn of(histogram: &Histogram) -> Self {
        Self {
            mean: histogram.mean(),
            p50: histogram.quantile(0.5),
            p95: histogram.quantile(0.95),
            longest: histogram.longest(),
        }
    }
}

/// Where the wall time of a task goes, as shares that add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Shares {
    /// Computing.
    pub cpu: f64,
    /// In blocking calls and waits for the GIL.
    pub blocked: f64,
    /// Suspended at an `await`.
    pub awaited: f64,
    /// Waiting for a core.
    pub run_delay: f64,
    /// Waiting for its turn on the loop, of a coroutine that waits for nothing else: it has no
    /// `await`, or is over within a few dispatches.
    pub turn: f64,
    /// Not accounted for.
    pub other: f64,
}

/// How much evidence there is, and how much a verdict needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sufficiency {
    /// Runs seen.
    pub runs: u64,
    /// Runs needed.
    pub runs_needed: u64,
    /// Runs after which the mean is known within the dead band, for this task's spread.
    pub runs_for_confidence: u64,
    /// Wall time seen in all, with what a coroutine's arguments and result took of its loop.
    pub wall: Duration,
    /// Wall time needed in all.
    pub wall_needed: Duration,
}

impl Sufficiency {
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            runs: profile.runs(),
            runs_needed: whole(RUNS_MIN),
            runs_for_confidence: runs_for(profile.wall.log_deviation()).max(whole(RUNS_MIN)),
            wall: seen(profile),
            wall_needed: from_seconds(WALL_MIN),
        }
    }

    /// Whether there are runs enough for a verdict that changes nothing.
    pub const fn has_runs(&self) -> bool {
        self.runs >= self.runs_needed
    }

    /// Whether there is enough for any verdict.
    pub fn is_enough(&self) -> bool {
        self.has_runs() && self.wall >= self.wall_needed
    }
}

/// The time of its runs that was measured. Arguments and results of plain functions are decoded and
/// encoded within their wall time, those of coroutines beside it.
fn seen(profile: &Profile) -> Duration {
    let beside = match profile.key.lane {
        Lane::Async => profile.encode.sum(),
        Lane::Thread | Lane::Process => Duration::ZERO,
    };
    profile.wall.sum().saturating_add(beside)
}

/// The numbers behind a verdict.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Evidence {
    /// [`Measurement::wall`](crate::profile::Measurement::wall).
    pub wall: Spread,
    /// [`Measurement::cpu`](crate::profile::Measurement::cpu).
    pub cpu: Spread,
    /// [`Measurement::blocked`](crate::profile::Measurement::blocked).
    pub blocked: Spread,
    /// [`Measurement::awaited`](crate::profile::Measurement::awaited).
    pub awaited: Spread,
    /// [`Measurement::run_delay`](crate::profile::Measurement::run_delay).
    pub run_delay: Spread,
    /// [`Measurement::step_max`](crate::profile::Measurement::step_max).
    pub step_max: Spread,
    /// [`Measurement::encode`](crate::profile::Measurement::encode).
    pub encode: Spread,
    /// [`Measurement::wait`](crate::profile::Measurement::wait).
    pub wait: Spread,
    /// Where the time goes.
    pub shares: Shares,
    /// Runs a second, from the first one's start to the last one's end.
    pub rate: f64,
    /// Runs wanted at once: declared, or by Little's law the rate times the time from ready to end,
    /// or by how long they waited for a place, whichever is more; at most all of them.
    pub concurrency: f64,
    /// Cores that attempts side by side used, where it could be seen.
    pub cores_used: Option<f64>,
    /// The share of the blocked time that was no wait for the GIL; `None` where it was not told
    /// apart, and all of it counts as blocking.
    pub own_blocked_share: Option<f64>,
    /// Whether the wait for a core is known; if not, blocked times are upper bounds.
    pub is_run_delay_known: bool,
    /// Whether the time to serialise is known.
    pub is_encode_known: bool,
    /// The standard deviation of the logarithm of wall.
    pub log_deviation: f64,
    /// Runs that raised.
    pub errors: u64,
}

impl Evidence {
    pub(super) fn of(profile: &Profile, facts: &TaskFacts, calibration: &Calibration) -> Self {
        let rate = rate_of(profile);
        let wait = Spread::of(&profile.wait);
        let in_system = profile.wall.mean() + wait.mean;
        let queued = queued(profile, wait.p50, calibration);
        let runs = profile.runs();
        // No more can have been wanted at once than there were.
        let littles = (rate * in_system.as_secs_f64()).max(queued);
        let littles = littles.min(approximate(runs)).max(1.0);
        Self {
            wall: Spread::of(&profile.wall),
            cpu: Spread::of(&profile.cpu),
            blocked: Spread::of(&profile.blocked),
            awaited: Spread::of(&profile.awaited),
            run_delay: Spread::of(&profile.run_delay),
            step_max: Spread::of(&profile.step_max),
            encode: Spread::of(&profile.encode),
            wait,
            shares: shares_of(profile, waits_for_its_turn(profile, facts, calibration)),
            rate,
            concurrency: facts.concurrency.map_or(littles, |wanted| f64::from(wanted.max(1))),
            cores_used: cores_used(profile, wait.p50).filter(|_| calibration.cores > 1),
            own_blocked_share: own_blocked_share(profile),
            is_run_delay_known: profile.run_delay.count() * 2 > runs,
            is_encode_known: !profile.encode.sum().is_zero(),
            log_deviation: profile.wall.log_deviation(),
            errors: profile.errors_count,
        }
    }

    /// Whether the lane has nearly all cores to itself.
    pub(super) fn uses_all_cores(&self, calibration: &Calibration) -> bool {
        let cores = f64::from(calibration.cores.max(1));
        self.cores_used.is_some_and(|used| used >= FULL_SHARE * cores)
    }

    /// The task's own blocking per run, without waits for the GIL, in seconds.
    pub(super) fn own_blocked_factor(&self) -> f64 {
        self.own_blocked_share.unwrap_or(1.0)
    }
}

/// How many runs an attempt found before it when it became ready, itself included: all places of
/// its lane were taken while it waited. The rate cannot tell it of work that comes in bursts, since
/// the time between them counts as well.
fn queued(profile: &Profile, wait: Duration, calibration: &Calibration) -> f64 {
    let width = match profile.key.lane {
        // Its attempts start at once, and wait on the loop.
        Lane::Async => return 1.0,
        Lane::Thread => calibration.threads_max,
        Lane::Process => calibration.cores,
    };
    let (wait, wall) = (wait.as_secs_f64(), profile.wall.mean().as_secs_f64());
    if wait < QUEUE_WAIT {
        return 1.0;
    }
    f64::from(width) * wait / wall.max(1e-9)
}

/// The cores that attempts side by side used. Where they hardly ran side by side although a line
/// stood before the lane, each held the GIL to its end, and what the lane got in all counts.
fn cores_used(profile: &Profile, wait: Duration) -> Option<f64> {
    let has_line = wait.as_secs_f64() >= QUEUE_WAIT;
    let in_line = || profile.occupancy.cores_of_busy().filter(|_| has_line);
    profile.occupancy.cores_used().or_else(in_line)
}

/// Runs a second; zero when no time has passed.
fn rate_of(profile: &Profile) -> f64 {
    let span = profile.span().as_secs_f64();
    if span > 0.0 { approximate(profile.runs()) / span } else { 0.0 }
}

/// Whether the time in which a coroutine was suspended is no more than the way to its turn.
fn waits_for_its_turn(profile: &Profile, facts: &TaskFacts, calibration: &Calibration) -> bool {
    let trivial = calibration.thread_dispatch.mul_f64(TRIVIAL_DISPATCHES);
    let is_brief = || profile.wall.quantile(0.95) < trivial;
    profile.key.lane == Lane::Async && (facts.has_await == Some(false) || is_brief())
}

fn shares_of(profile: &Profile, is_turn: bool) -> Shares {
    let wall = profile.wall.sum().as_secs_f64();
    let parts = [&profile.cpu, &profile.blocked, &profile.awaited, &profile.run_delay]
        .map(|part| part.sum().as_secs_f64());
    let sum: f64 = parts.iter().sum();
    let whole = wall.max(sum);
    if whole <= 0.0 {
        return Shares { other: 1.0, ..Shares::default() };
    }
    let [cpu, blocked, suspended, run_delay] = parts.map(|part| part / whole);
    let (awaited, turn) = if is_turn { (0.0, suspended) } else { (suspended, 0.0) };
    let other = ((whole - sum) / whole).max(0.0);
    Shares { cpu, blocked, awaited, run_delay, turn, other }
}

/// The part of the blocked time that is the task's own, from the best source there is: attempts
/// whose wait for the GIL is known, if they are most of it; attempts that ran alone; the sampled
/// stacks.
fn own_blocked_share(profile: &Profile) -> Option<f64> {
    let blocked = profile.blocked.mean().as_secs_f64();
    if blocked <= 0.0 {
        return Some(1.0);
    }
    let gil = profile.gil;
    let known_gil = (!gil.blocked.is_zero())
        .then(|| 1.0 - (gil.waited.as_secs_f64() / gil.blocked.as_secs_f64()).min(1.0));
    if known_gil.is_some() && gil.blocked.saturating_mul(2) >= profile.blocked.sum() {
        return known_gil;
    }
    if approximate(profile.solo.runs) >= SOLO_RUNS_MIN {
        let alone = profile.solo.blocked.as_secs_f64() / approximate(profile.solo.runs);
        return Some((alone / blocked).min(1.0));
    }
    if known_gil.is_some() {
        return known_gil;
    }
    let call = profile.sites.total(Blockage::Call).as_secs_f64();
    let gil = profile.sites.total(Blockage::Gil).as_secs_f64();
    (call + gil > 0.0).then(|| call / (call + gil))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "thresholds are small and positive"
)]
const fn whole(threshold: f64) -> u64 {
    threshold as u64
}
