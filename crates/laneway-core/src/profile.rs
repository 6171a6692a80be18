//! What is known of a task from running it: the evidence for the verdict.
//!
//! A worker records a [`Measurement`] for each attempt and keeps one [`Profile`] for each
//! [`ProfileKey`]. Profiles can be merged in any order, so that workers write what they saw every
//! few seconds and a reader adds it up; and they are bounded ([`ENCODED_BYTES_MAX`]), however long
//! a task runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::job::{Lane, TaskName};

mod errors;
mod gil;
mod histogram;
mod lag;
mod loops;
mod measurement;
mod moves;
pub(crate) mod nanos;
mod occupancy;
mod site;
mod varint;

pub use errors::{ErrorCounts, KIND_BYTES_MAX, KINDS_MAX};
pub use gil::{GilWait, LOOKS_MIN, Looks, SeenBlocked};
pub use histogram::{BUCKETS_MAX, Histogram, RELATIVE_ERROR};
pub use lag::{InLine, LagShare, lag_bill};
pub use loops::{LOOPS_MAX, LoopId, Loops};
pub use measurement::{Measurement, step_square};
pub use moves::{Harm, MOVES_MAX, Move, MoveKind, Moves};
pub use occupancy::Occupancy;
pub use site::{
    Blockage, FILE_BYTES_MAX, FUNCTION_BYTES_MAX, Place, SITES_MAX, STACK_BYTES_MAX, Site, Sites,
};

/// The most bytes that an encoded profile takes, as `MessagePack` with fields by position.
pub const ENCODED_BYTES_MAX: usize = 8 * 1024;

/// The longest kept name of an interpreter, in bytes.
const INTERPRETER_BYTES_MAX: usize = 32;

/// The kind of Python that ran an attempt, such as `cpython-3.13` or `cpython-3.14t`: another build
/// may have another GIL and other speed, so its evidence stands apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Interpreter(String);

impl Interpreter {
    /// Takes a name; a long one keeps its end.
    pub fn new(name: &str) -> Self {
        Self(site::tail(name, INTERPRETER_BYTES_MAX).to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Arguments of about the same size: those whose encoded length has the same number of binary
/// digits. Small and large calls of one task can belong in different lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SizeBucket(u8);

impl SizeBucket {
    /// The bucket of arguments with so many bytes.
    pub fn of(args_bytes: u64) -> Self {
        Self(u8::try_from(u64::BITS - args_bytes.leading_zeros()).unwrap_or(u8::MAX))
    }

    /// The smallest size in the bucket.
    pub fn bytes_min(self) -> u64 {
        self.0.checked_sub(1).and_then(|shift| 1_u64.checked_shl(shift.into())).unwrap_or(0)
    }

    /// The largest size in the bucket.
    pub fn bytes_max(self) -> u64 {
        1_u64.checked_shl(self.0.into()).map_or(u64::MAX, |next| next - 1)
    }
}

/// What a profile is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProfileKey {
    /// The task.
    pub task: TaskName,
    /// The lane its attempts ran in.
    pub lane: Lane,
    /// The size of their arguments.
    pub size_bucket: SizeBucket,
    /// What ran them.
    pub interpreter: Interpreter,
}

/// What attempts alone in their process measured: there was no other one to take the GIL from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Solo {
    /// How many there were.
    pub runs: u64,
    /// Their CPU time.
    #[serde(with = "nanos")]
    pub cpu: Duration,
    /// Their blocked time.
    #[serde(with = "nanos")]
    pub blocked: Duration,
}

/// The measurements of many attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// What it is about.
    pub key: ProfileKey,
    /// [`Measurement::wall`] of every attempt; its count is the number of attempts.
    pub wall: Histogram,
    /// [`Measurement::cpu`].
    pub cpu: Histogram,
    /// [`Measurement::blocked`].
    pub blocked: Histogram,
    /// [`Measurement::awaited`].
    pub awaited: Histogram,
    /// [`Measurement::run_delay`] of the attempts for which it is known.
    pub run_delay: Histogram,
    /// [`Measurement::step_max`].
    pub step_max: Histogram,
    /// [`Measurement::encode`].
    pub encode: Histogram,
    /// [`Measurement::wait`] of the attempts for which it is known.
    pub wait: Histogram,
    /// All steps on the loop together.
    #[serde(with = "nanos")]
    pub step_sum: Duration,
    /// The sum of the squares of all steps, in square microseconds.
    pub step_square_sum: u64,
    /// CPU time of the process beyond that of the attempt's thread: threads of the task's own.
    #[serde(with = "nanos")]
    pub other_threads_cpu: Duration,
    /// CPU time of child processes.
    #[serde(with = "nanos")]
    pub children_cpu: Duration,
    /// Encoded arguments in all.
    pub args_bytes: u64,
    /// Encoded results in all.
    pub result_bytes: u64,
    /// Attempts that raised.
    pub errors_count: u64,
    /// What they raised, as far as it was recorded.
    pub errors: ErrorCounts,
    /// What attempts without a neighbour measured.
    pub solo: Solo,
    /// What is known of the wait for the GIL.
    pub gil: GilWait,
    /// How many cores the lane used while these attempts ran.
    pub occupancy: Occupancy,
    /// Where the time was lost.
    pub sites: Sites,
    /// When the first attempt began. Profiles of before say when it ended.
    pub first_at: Option<Timestamp>,
    /// When the last attempt ended.
    pub last_at: Option<Timestamp>,
    /// What the auto lane did with the task. Profiles of before have none.
    #[serde(default)]
    pub moves: Moves,
    /// The event loops that its attempts ran on; none for other lanes, and in profiles of before.
    #[serde(default)]
    pub loops: Loops,
    /// For each attempt on a loop the time that it stood in line for its first step, times the
    /// length of that step, in square microseconds. Profiles of before have none.
    #[serde(default)]
    pub in_line_sum: u64,
}

impl Profile {
    /// A profile without evidence.
    pub fn new(key: ProfileKey) -> Self {
        Self {
            key,
            wall: Histogram::default(),
            cpu: Histogram::default(),
            blocked: Histogram::default(),
            awaited: Histogram::default(),
            run_delay: Histogram::default(),
            step_max: Histogram::default(),
            encode: Histogram::default(),
            wait: Histogram::default(),
            step_sum: Duration::ZERO,
            step_square_sum: 0,
            other_threads_cpu: Duration::ZERO,
            children_cpu: Duration::ZERO,
            args_bytes: 0,
            result_bytes: 0,
            errors_count: 0,
            errors: ErrorCounts::default(),
            solo: Solo::default(),
            gil: GilWait::default(),
            occupancy: Occupancy::default(),
            sites: Sites::default(),
            first_at: None,
            last_at: None,
            moves: Moves::default(),
            loops: Loops::default(),
            in_line_sum: 0,
        }
    }

    /// Attempts recorded.
    pub const fn runs(&self) -> u64 {
        self.wall.count()
    }

    /// Adds an attempt that ended at `at`.
    pub fn record(&mut self, run: &Measurement, at: Timestamp) {
        self.wall.record(run.wall);
        self.cpu.record(run.cpu);
        self.blocked.record(run.blocked);
        self.awaited.record(run.awaited);
        self.step_max.record(run.step_max);
        self.encode.record(run.encode);
        if let Some(wait) = run.wait {
            self.wait.record(wait);
        }
        if let Some(run_delay) = run.run_delay {
            self.run_delay.record(run_delay);
        }
        self.step_sum = self.step_sum.saturating_add(run.step_sum);
        self.step_square_sum = self.step_square_sum.saturating_add(run.step_square_sum);
        let others = run.process_cpu.map_or(Duration::ZERO, |cpu| cpu.saturating_sub(run.cpu));
        self.other_threads_cpu = self.other_threads_cpu.saturating_add(others);
        self.children_cpu =
            self.children_cpu.saturating_add(run.children_cpu.unwrap_or(Duration::ZERO));
        self.args_bytes = self.args_bytes.saturating_add(run.args_bytes);
        self.result_bytes = self.result_bytes.saturating_add(run.result_bytes);
        self.errors_count = self.errors_count.saturating_add(u64::from(run.is_error));
        if run.peers == 0 {
            self.solo.add(&Solo { runs: 1, cpu: run.cpu, blocked: run.blocked });
        }
        if let Some(waited) = run.gil_wait {
            self.gil.add(&GilWait { blocked: run.blocked, waited });
        }
        self.first_at = earliest(self.first_at, Some(at.minus(run.wall)));
        self.last_at = self.last_at.max(Some(at));
    }

    /// Adds all that `other` saw. The key stays: a reader may add up profiles of several workers,
    /// and of several sizes.
    pub fn merge(&mut self, other: &Self) {
        self.wall.merge(&other.wall);
        self.cpu.merge(&other.cpu);
        self.blocked.merge(&other.blocked);
        self.awaited.merge(&other.awaited);
        self.run_delay.merge(&other.run_delay);
        self.step_max.merge(&other.step_max);
        self.encode.merge(&other.encode);
        self.wait.merge(&other.wait);
        self.step_sum = self.step_sum.saturating_add(other.step_sum);
        self.step_square_sum = self.step_square_sum.saturating_add(other.step_square_sum);
        self.other_threads_cpu = self.other_threads_cpu.saturating_add(other.other_threads_cpu);
        self.children_cpu = self.children_cpu.saturating_add(other.children_cpu);
        self.args_bytes = self.args_bytes.saturating_add(other.args_bytes);
        self.result_bytes = self.result_bytes.saturating_add(other.result_bytes);
        self.errors_count = self.errors_count.saturating_add(other.errors_count);
        self.errors.merge(&other.errors);
        self.solo.add(&other.solo);
        self.gil.add(&other.gil);
        self.occupancy.merge(&other.occupancy);
        self.sites.merge(&other.sites);
        self.first_at = earliest(self.first_at, other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        self.moves.merge(&other.moves);
        self.loops.merge(&other.loops);
        self.in_line_sum = self.in_line_sum.saturating_add(other.in_line_sum);
    }

    /// From the start of the first attempt to the end of the last.
    pub fn span(&self) -> Duration {
        match (self.first_at, self.last_at) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }
}

impl Solo {
    fn add(&mut self, other: &Self) {
        self.runs = self.runs.saturating_add(other.runs);
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.blocked = self.blocked.saturating_add(other.blocked);
    }
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests;
