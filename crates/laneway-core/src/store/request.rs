//! What the verbs of a store take and answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{JobId, SessionId, Token};
use crate::job::{Failure, Lane, Payload, Priority, QueueName, TaskName};
use crate::limit::Limit;
use crate::policy::Policy;
use crate::profile::Profile;
use crate::verdict::{Calibration, TaskFacts};

/// A job to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its identity, made by the producer.
    pub id: JobId,
    /// The task it calls.
    pub task: TaskName,
    /// The queue it lines up in.
    pub queue: QueueName,
    /// The lane its task belongs to; workers claim by lane.
    pub lane: Lane,
    /// Its urgency within the queue.
    pub priority: Priority,
    /// When it may run.
    pub due: Due,
    /// A key that keeps it from existing twice.
    pub unique: Option<UniqueKey>,
    /// The rules it runs under. Jobs of one batch share them by reference.
    pub policy: Arc<Policy>,
    /// The limit it needs a permit of.
    pub limit: Option<Arc<Limit>>,
    /// The encoded arguments.
    pub args: Payload,
}

/// When a job may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// So long after the store accepts it, by the store's clock.
    After(Duration),
    /// At an instant.
    At(Timestamp),
}

/// A key that at most one job has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// For how long the key is taken.
    pub scope: UniqueScope,
    /// The key; it stands for itself within the task's name and the scope.
    pub text: String,
}

/// For how long a unique key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UniqueScope {
    /// Until the job has ended: at most one unfinished job (`unique_by`).
    Unfinished,
    /// For as long as the store keeps the job: the same call may be repeated safely (`key`).
    Kept,
}

/// The answer for one added job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The new job's id, or the id of the job that was there already.
    pub id: JobId,
    /// Whether it was added by this call.
    pub created: bool,
}

/// Opens a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Its identity, made by the worker.
    pub session: SessionId,
    /// The worker's name, shown to people: host, process and application.
    pub worker: String,
    /// For how long it lives without a renewal.
    pub lease: Duration,
}

/// Renews a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewSession {
    /// Which.
    pub session: SessionId,
    /// For how long it lives from now on without a renewal.
    pub lease: Duration,
    /// One line for people on how the worker is, shown by `laneway status`.
    pub condition: String,
}

/// The answer to a renewal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewed {
    /// Jobs of this session that somebody wants cancelled; repeated until they are settled.
    pub cancel: Vec<(JobId, Token)>,
    /// Why the worker should end its work: since it connected, a newer Laneway has brought the
    /// store to a schema that this one does not know. The lease was extended all the same, so that
    /// attempts under way can end and be settled.
    pub outdated: Option<Error>,
}

/// Says which tasks an application has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterTasks {
    /// Where the application is found, such as `shop.tasks:app`.
    pub application: String,
    /// Its tasks, and what is known of them without running them.
    pub tasks: BTreeMap<TaskName, TaskFacts>,
    /// What lanes cost on the worker's machine; `None` leaves what is known.
    pub calibration: Option<Calibration>,
    /// Whether it also gets those tasks that belong to another application.
    pub take_over: bool,
}

/// Which application a task belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskOwner {
    /// The task.
    pub task: TaskName,
    /// Where its application is found.
    pub application: String,
}

/// Adds what a worker measured.
#[derive(Debug, Clone, PartialEq)]
pub struct AddProfiles {
    /// Of which session.
    pub session: SessionId,
    /// A number that is higher than that of the session's earlier call, from 1. The same number
    /// again means that the answer was lost: it adds nothing.
    pub call: u64,
    /// What was measured since the last call.
    pub profiles: Vec<Profile>,
}

/// Which profiles to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadProfiles {
    /// Only of this task.
    pub task: Option<TaskName>,
    /// Only what was added within this time by the store's clock, rounded up to whole
    /// [`PROFILE_PERIOD`](crate::store::PROFILE_PERIOD)s; everything that is kept when `None`.
    pub within: Option<Duration>,
}

/// Asks for jobs.
#[derive(Debug, Clone)]
pub struct Claim {
    /// For which session.
    pub session: SessionId,
    /// A number that this session has not used for another claim. The same number again means that
    /// the answer was lost: it returns the same jobs, unless they were settled since.
    pub call: u64,
    /// From which queues, the preferred first.
    pub queues: Arc<[QueueName]>,
    /// How many at most for each lane.
    pub slots: Vec<LaneSlots>,
}

/// Free places in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSlots {
    /// The lane.
    pub lane: Lane,
    /// The most jobs for it.
    pub count: usize,
}

/// The answer to a claim.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// The jobs; they are running now.
    pub jobs: Vec<ClaimedJob>,
    /// When the next scheduled or limited job of these queues and lanes can run, if there is one: a
    /// claim before then and without a [`Wake`] finds nothing new.
    pub next_due_at: Option<Timestamp>,
    /// The store's time of the claim.
    pub now: Timestamp,
}

/// A job that was claimed.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    /// Which.
    pub id: JobId,
    /// The token of this claim.
    pub token: Token,
    /// The task it calls.
    pub task: TaskName,
    /// The queue it came from.
    pub queue: QueueName,
    /// The lane it was claimed for.
    pub lane: Lane,
    /// Attempts that ended in an exception or a timeout so far.
    pub failures: u32,
    /// Attempts that ended without a word so far.
    pub interrupts: u32,
    /// How often it was handed back because a worker did not know its task.
    pub handbacks: u32,
    /// The rules it runs under.
    pub policy: Arc<Policy>,
    /// The encoded arguments.
    pub args: Payload,
    /// When it became ready, by the store's clock.
    pub ready_at: Timestamp,
}

/// Ends attempts of one session.
#[derive(Debug, Clone)]
pub struct Settle {
    /// Whose.
    pub session: SessionId,
    /// The ends.
    pub entries: Vec<Settlement>,
}

/// The end of one attempt.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Of which job.
    pub job: JobId,
    /// The token under which it was claimed.
    pub token: Token,
    /// How it ended.
    pub outcome: Outcome,
    /// What was measured; `None` when it never started.
    pub timing: Option<Timing>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It returned a result (`succeed`).
    Succeed(Payload),
    /// It failed and shall be tried again (`retry`); counts as a failure.
    Retry {
        /// The wait until then, by the store's clock.
        after: Duration,
        /// Why it failed.
        failure: Failure,
    },
    /// It failed for good (`fail`); counts as a failure.
    Fail(Failure),
    /// It was cancelled (`cancel`).
    Cancel(Failure),
    /// It never started, or its own worker cut it short and its policy says to run it again
    /// (`release`); it can run elsewhere at once, and counts as nothing.
    Release,
    /// It never started because this worker does not know its task (`defer`); counts as a handback.
    HandBack {
        /// The wait until somebody may claim it again.
        after: Duration,
    },
    /// It ended without a word (`release`, `park` or `fail`, as
    /// [`crate::interrupt::event_after`] says); counts as an interruption.
    Interrupt(Failure),
    /// It waits for a person (`park`).
    Park(Failure),
}

/// What was measured of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// From its start to its end.
    pub wall: Duration,
    /// CPU time of its thread or process, where it can be told.
    pub cpu: Option<Duration>,
}

/// The answer for one settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was recorded.
    Accepted,
    /// The job no longer runs under this token; nothing was changed.
    Stale,
}

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Of which job.
    pub job: JobId,
    /// The token under which it was claimed.
    pub token: Token,
    /// Steps done.
    pub done: f64,
    /// Steps in all, when it is known.
    pub of: Option<f64>,
    /// A word for people.
    pub note: String,
}

/// Looks for what time has overtaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// The most jobs that one call interrupts or makes ready, so that it stays short.
    pub jobs_max: usize,
}

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Sessions that had expired and are gone now.
    pub sessions_expired: usize,
    /// Interrupted jobs that are ready again.
    pub released: usize,
    /// Interrupted jobs that wait for a person.
    pub parked: usize,
    /// Interrupted jobs that count as poison.
    pub failed: usize,
    /// Scheduled jobs that were made ready.
    pub promoted: usize,
    /// Whether the bound was reached: there is more to sweep at once.
    pub more: bool,
}

/// Deletes old jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prune {
    /// Jobs that ended longer ago than this, by the store's clock.
    pub older_than: Duration,
    /// The most jobs that one call deletes.
    pub jobs_max: usize,
}

/// The answer to the wish to cancel one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It waited and is cancelled.
    Done,
    /// It runs; its worker is asked to stop it.
    Asked,
    /// It had ended already.
    TooLate,
    /// There is no such job.
    Unknown,
}

/// The answer to the wish to run one job again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    /// It is ready.
    Done,
    /// Its state does not allow it.
    Refused(crate::job::State),
    /// There is no such job.
    Unknown,
}

/// Which jobs to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListJobs {
    /// Only in these states; all when empty.
    pub states: Vec<crate::job::State>,
    /// Only of this queue.
    pub queue: Option<QueueName>,
    /// Only of this task.
    pub task: Option<TaskName>,
    /// Only those after this one in the list's order: the last of the page before.
    pub after: Option<JobId>,
    /// The most records of one page; at least 1.
    pub jobs_max: usize,
}

/// Something changed in a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts; any of them may be true")]
pub struct Wake {
    /// There may be new claimable jobs, or new times at which jobs become claimable.
    pub ready: bool,
    /// Somebody asked for cancellations, or paused or resumed a queue.
    pub control: bool,
    /// Jobs that ended or were parked.
    pub finished: Vec<JobId>,
    /// Whether jobs ended that [`finished`](Self::finished) does not name.
    pub finished_others: bool,
}
