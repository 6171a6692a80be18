//! What a store tells of the things it keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::request::{UniqueKey, UniqueScope};
use crate::clock::Timestamp;
use crate::error::{Code, Error};
use crate::id::{JobId, SessionId, Token};
use crate::job::{Failure, Lane, Payload, Priority, QueueName, State, TaskName};
use crate::limit::Limit;
use crate::policy::Policy;
use crate::verdict::{Calibration, TaskFacts};

/// What survives of an acknowledged write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Nothing survives the process.
    Memory,
    /// It survives the death of any process, but a power failure may take the last moments.
    Os,
    /// It survives a power failure.
    Fsync,
}

/// How a job ended, for whoever waits for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Which job.
    pub id: JobId,
    /// Succeeded, failed, cancelled or parked.
    pub state: State,
    /// The encoded result of a succeeded job.
    pub result: Option<Payload>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}

/// Everything known of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its identity.
    pub id: JobId,
    /// The task it calls.
    pub task: TaskName,
    /// Its queue.
    pub queue: QueueName,
    /// Its lane.
    pub lane: Lane,
    /// Its urgency.
    pub priority: Priority,
    /// Where it stands.
    pub state: State,
    /// The token of its last claim.
    pub token: Token,
    /// Attempts that ended in an exception or a timeout.
    pub failures: u32,
    /// Attempts that ended without a word.
    pub interrupts: u32,
    /// How often it was handed back because a worker did not know its task.
    pub handbacks: u32,
    /// The rules it runs under.
    pub policy: Arc<Policy>,
    /// Its limit, at the rate that the store has for the key now.
    pub limit: Option<Limit>,
    /// The key it was added with, also when the key is free again.
    pub unique: Option<UniqueKey>,
    /// When it was enqueued.
    pub enqueued_at: Timestamp,
    /// When it is due, while it is scheduled.
    pub due_at: Option<Timestamp>,
    /// When its present or last attempt was claimed.
    pub claimed_at: Option<Timestamp>,
    /// When it ended or was parked.
    pub finished_at: Option<Timestamp>,
    /// How long its last ended attempt took.
    pub wall: Option<Duration>,
    /// The session that runs it.
    pub session: Option<SessionId>,
    /// Whether somebody asked for its cancellation while it runs.
    pub cancel_asked: bool,
    /// How far it is: steps done, steps in all, a word.
    pub progress: Option<(f64, Option<f64>, String)>,
    /// Why its last attempt did not succeed.
    pub failure: Option<Failure>,
    /// The encoded arguments; empty in lists.
    pub args: Payload,
    /// The encoded result; `None` in lists.
    pub result: Option<Payload>,
    /// What of it the store cannot read, where there is such a part; stand-ins are in its place.
    pub unreadable: Option<String>,
}

impl JobRecord {
    /// The unique key that it keeps others from taking.
    pub fn key_held(&self) -> Option<&UniqueKey> {
        let is_held =
            |key: &&UniqueKey| key.scope == UniqueScope::Kept || !self.state.is_terminal();
        self.unique.as_ref().filter(is_held)
    }
}

/// Refuses what [`Store::restore`](crate::store::Store::restore) cannot take.
///
/// # Errors
/// `LW1023` when a job is running.
pub fn check_restorable(jobs: &[JobRecord]) -> Result<(), Error> {
    match jobs.iter().find(|job| job.state == State::Running) {
        None => Ok(()),
        Some(job) => Err(Error::new(
            Code::InvalidArgument,
            format!("job `{}` cannot be restored while it is running", job.id),
        )
        .why("it belongs to a session of the store that it comes from")
        .fix("stop the workers of that store, or let the import count the attempt as interrupted")),
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The records.
    pub jobs: Vec<JobRecord>,
    /// Where the next page starts, if there is one: [`crate::store::ListJobs::after`].
    pub next: Option<JobId>,
}

/// How many jobs are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct StateCounts {
    /// Wait for a time.
    pub scheduled: u64,
    /// Wait for a worker or a limit.
    pub ready: u64,
    /// Are held by a worker.
    pub running: u64,
    /// Ended with a result and are still kept.
    pub succeeded: u64,
    /// Ended with an error and are still kept.
    pub failed: u64,
    /// Were cancelled and are still kept.
    pub cancelled: u64,
    /// Wait for a person.
    pub parked: u64,
}

impl StateCounts {
    /// The count of one state.
    pub const fn get(&self, state: State) -> u64 {
        match state {
            State::Scheduled => self.scheduled,
            State::Ready => self.ready,
            State::Running => self.running,
            State::Succeeded => self.succeeded,
            State::Failed => self.failed,
            State::Cancelled => self.cancelled,
            State::Parked => self.parked,
        }
    }

    /// Room to write the count of one state.
    pub const fn get_mut(&mut self, state: State) -> &mut u64 {
        match state {
            State::Scheduled => &mut self.scheduled,
            State::Ready => &mut self.ready,
            State::Running => &mut self.running,
            State::Succeeded => &mut self.succeeded,
            State::Failed => &mut self.failed,
            State::Cancelled => &mut self.cancelled,
            State::Parked => &mut self.parked,
        }
    }

    /// All jobs that the store keeps.
    pub const fn total(&self) -> u64 {
        self.scheduled
            + self.ready
            + self.running
            + self.succeeded
            + self.failed
            + self.cancelled
            + self.parked
    }
}

/// A queue as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRecord {
    /// Its name.
    pub name: QueueName,
    /// Whether it is paused.
    pub is_paused: bool,
    /// Its jobs.
    pub counts: StateCounts,
    /// How long its oldest ready job has waited.
    pub oldest_ready: Option<Duration>,
}

/// A worker's session as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its identity.
    pub session: SessionId,
    /// The worker's name.
    pub worker: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ends unless it is renewed.
    pub expires_at: Timestamp,
    /// Jobs it holds.
    pub running: u64,
    /// The worker's own word on how it is.
    pub condition: String,
}

/// A task as its application registered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredTask {
    /// Its name.
    pub task: TaskName,
    /// Where its application is found.
    pub application: String,
    /// What is known of it without running it.
    pub facts: TaskFacts,
}

/// The applications whose workers have used a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registry {
    /// Their tasks, by name.
    pub tasks: Vec<RegisteredTask>,
    /// What lanes cost where their latest worker with a calibration ran, by application.
    pub calibrations: BTreeMap<String, Calibration>,
}

/// What a store says of its own state: rows of name, value and, where something is wrong, a remark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Facts, such as the library's version, sizes and modes.
    pub facts: Vec<(String, String)>,
    /// What is wrong or risky, each with what to do.
    pub warnings: Vec<String>,
}
