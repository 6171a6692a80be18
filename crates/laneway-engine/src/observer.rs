//! What a worker tells while it works, for logs, progress and the report at the end.

use std::time::Duration;

use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Failure, Lane, QueueName, TaskName};
use laneway_core::profile::{Place, Site};
use laneway_core::store::{Swept, TaskOwner};
use laneway_core::verdict::auto::LaneMove;

use crate::protocol::RunnerKind;

/// Is told what happens in a worker.
///
/// It is called from the supervisor's loop, so it must return at once.
pub trait Observer {
    /// Something happened.
    fn happened(&mut self, happening: &Happening);
}

impl Observer for () {
    fn happened(&mut self, _happening: &Happening) {}
}

impl<F: FnMut(&Happening)> Observer for F {
    fn happened(&mut self, happening: &Happening) {
        self(happening);
    }
}

/// Something that happened in a worker.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Happening {
    /// The worker has its session and begins to claim.
    Ready {
        /// Its session.
        session: SessionId,
        /// The queues it works on, the preferred first.
        queues: Vec<QueueName>,
    },
    /// A runner is ready for work.
    RunnerReady {
        /// The supervisor's number of the runner.
        runner: u32,
        /// Its kind.
        kind: RunnerKind,
        /// Its process id.
        pid: u32,
        /// From its start until it was ready.
        took: Duration,
    },
    /// A runner ended though it should not have.
    RunnerDied {
        /// The supervisor's number of the runner.
        runner: u32,
        /// Its kind.
        kind: RunnerKind,
        /// How it ended, such as `it was killed by signal 11`.
        how: String,
    },
    /// A runner gets no more work and ends when it has finished what it has.
    RunnerRetired {
        /// The supervisor's number of the runner.
        runner: u32,
        /// Its kind.
        kind: RunnerKind,
        /// Why.
        why: &'static str,
    },
    /// The event loop of a runner does not turn; new work goes to another runner.
    LoopBlocked {
        /// The supervisor's number of the runner.
        runner: u32,
        /// For how long it has not turned.
        since: Duration,
        /// Whose step runs on it now; `None` when that is not known.
        by: Option<Blocker>,
        /// How many jobs were sent to it and have not started.
        waiting: usize,
        /// How many of them it had not read, so that they wait for another runner now.
        taken_back: usize,
    },
    /// A task keeps an event loop from turning, or kept it, at a place where it was not seen to do
    /// so before.
    TaskBlocked {
        /// The task.
        task: TaskName,
        /// Where, how, and for how long so far.
        site: Site,
        /// Whether the loop turns again.
        is_over: bool,
    },
    /// A task with `lane="auto"` tries another lane, moved, or stays for good.
    LaneMoved(LaneMove),
    /// Tasks that belonged to another application in the store belong to this one now.
    TookOver {
        /// Which, and whose they were.
        tasks: Vec<TaskOwner>,
    },
    /// A new runner's application has tasks that cannot be served.
    TasksRefused {
        /// Why.
        error: Error,
    },
    /// An attempt ended.
    AttemptEnded(AttemptEnded),
    /// The session was lost: whatever its attempts do now is refused by the store.
    SessionLost {
        /// Which.
        session: SessionId,
        /// How many attempts it held.
        held: usize,
    },
    /// A new session was opened after one was lost.
    SessionOpened {
        /// Which.
        session: SessionId,
    },
    /// The store cannot be used for now; what is held goes on, what has ended is kept.
    StoreTroubled {
        /// Why.
        error: Error,
    },
    /// The store can be used again.
    StoreRecovered {
        /// After how long.
        after: Duration,
    },
    /// A sweep found something.
    Swept(Swept),
    /// Old jobs were deleted.
    Pruned {
        /// How many.
        jobs: usize,
    },
    /// The worker claims no more and waits for what runs.
    Draining {
        /// How many attempts it waits for.
        running: usize,
    },
    /// The drain timeout is over; what still runs is asked to stop, then killed.
    DrainTimedOut {
        /// How many attempts are stopped.
        running: usize,
    },
}

/// A step that blocks an event loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// Its task.
    pub task: TaskName,
    /// The line of code, where it could be seen.
    pub place: Option<Place>,
    /// For how long the step has run.
    pub since: Duration,
}

/// The end of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptEnded {
    /// Of which job.
    pub job: JobId,
    /// Its task.
    pub task: TaskName,
    /// Its queue.
    pub queue: QueueName,
    /// Where it ran.
    pub lane: Lane,
    /// 1 for the job's first attempt.
    pub number: u32,
    /// From when the job became ready to its start; `None` when it never started.
    pub wait: Option<Duration>,
    /// From its start to its end; `None` when it never started.
    pub wall: Option<Duration>,
    /// The CPU time it used, where it can be told.
    pub cpu: Option<Duration>,
    /// How it ended.
    pub ending: Ending,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}

/// How an attempt ended, from the worker's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It returned a result.
    Succeeded,
    /// It failed and is tried again after this time.
    Retried(Duration),
    /// It failed for good.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It never started and was given back.
    Released,
    /// It never started because this worker does not know its task.
    HandedBack,
    /// It ended without a word; the job's policy says what follows.
    Interrupted,
    /// It waits for a person.
    Parked,
    /// It belonged to a session that was lost; its end counts for nothing.
    Fenced,
}

/// What a worker did, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerReport {
    /// Attempts that returned a result.
    pub succeeded: u64,
    /// Attempts that failed and are tried again.
    pub retried: u64,
    /// Attempts that failed for good.
    pub failed: u64,
    /// Attempts that were cancelled.
    pub cancelled: u64,
    /// Jobs that were given back before they started.
    pub released: u64,
    /// Jobs that were handed back because their task is not known here.
    pub handed_back: u64,
    /// Attempts that ended without a word.
    pub interrupted: u64,
    /// Jobs that wait for a person.
    pub parked: u64,
    /// Attempts whose session was lost.
    pub fenced: u64,
    /// Settlements that the store refused, because the job had been taken from this worker.
    pub stale: u64,
    /// Settlements that could not be delivered before the worker ended.
    pub unsettled: u64,
    /// Runners that ended though they should not have.
    pub runners_died: u64,
}

impl WorkerReport {
    pub(crate) const fn count(&mut self, ending: Ending) {
        let count = match ending {
            Ending::Succeeded => &mut self.succeeded,
            Ending::Retried(_) => &mut self.retried,
            Ending::Failed => &mut self.failed,
            Ending::Cancelled => &mut self.cancelled,
            Ending::Released => &mut self.released,
            Ending::HandedBack => &mut self.handed_back,
            Ending::Interrupted => &mut self.interrupted,
            Ending::Parked => &mut self.parked,
            Ending::Fenced => &mut self.fenced,
        };
        *count += 1;
    }

    /// Attempts and claimed jobs in all.
    pub const fn total(&self) -> u64 {
        self.succeeded
            + self.retried
            + self.failed
            + self.cancelled
            + self.released
            + self.handed_back
            + self.interrupted
            + self.parked
            + self.fenced
    }
}
