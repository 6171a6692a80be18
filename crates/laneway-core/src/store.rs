//! The port to where jobs live.
//!
//! A store is a set of verbs on batches. Each verb is one transaction: it happens wholly or not at
//! all, and what it acknowledged survives as far as [`Capabilities::durability`] says. The store's
//! own clock decides leases, due times and limits; no caller's clock is asked.
//!
//! **Fencing.** Every claim adds 1 to the job's [`Token`](crate::id::Token). A settlement or
//! progress report must match job, token and session of a running job; one that does not is
//! [`Settled::Stale`], changes nothing, and harms no other entry of its batch.
//!
//! **Repeating.** Every verb may be called again with the same request after its answer was lost:
//! enqueue and restore recognise ids, claim recognises [`Claim::call`], settle recognises tokens
//! (the repeated entry is stale, which its caller reads as *already settled*), profiles recognise
//! [`AddProfiles::call`].
//!
//! **Unreadable jobs.** A store may hold a job that it cannot read: somebody changed what is stored
//! by hand, or another program added it. It harms no other. A claim that meets it fails it at once
//! with `LW2013`, which says what cannot be read; the session does not hold it, the other jobs of
//! the claim are delivered, and [`Claimed::next_due_at`] asks for the next claim at once. No other
//! verb fails because of it, whatever jobs it concerns besides; a job that is requeued before
//! somebody has mended it fails again. Whatever is listed or read shows it with its id, its
//! [`JobRecord::unreadable`], and stand-ins for the parts that cannot be read, see [`Reading`].
//!
//! **Claimable work only.** What is scheduled, limited or in a paused queue lies outside the path
//! of a claim, so that a million such jobs cost a claim nothing.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::error::Error;
use crate::id::{JobId, SessionId};
use crate::job::QueueName;
use crate::profile::Profile;

mod reading;
mod record;
mod request;

pub use reading::{Reading, is_of_content, unreadable};
pub use record::{
    Durability, Finished, Health, JobRecord, Page, QueueRecord, RegisteredTask, Registry,
    SessionRecord, StateCounts, check_restorable,
};
pub use request::{
    AddProfiles, Cancelled, Claim, Claimed, ClaimedJob, Due, Enqueued, LaneSlots, ListJobs, NewJob,
    OpenSession, Outcome, Progress, Prune, ReadProfiles, RegisterTasks, RenewSession, Renewed,
    Requeued, Settle, Settled, Settlement, Sweep, Swept, TaskOwner, Timing, UniqueKey, UniqueScope,
    Wake,
};

/// What differs between stores; nobody asks for a store's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// What survives of an acknowledged write.
    pub durability: Durability,
    /// Whether processes on other machines can use the same store.
    pub many_machines: bool,
    /// Whether a [`Wake`] names the finished jobs when another process settled them.
    pub names_finished: bool,
}

/// The largest number of entries that one call of a verb should carry. Callers cut longer batches.
pub const BATCH_MAX: usize = 1_000;

/// Profiles are kept apart by the hour in which they were added, by the store's clock: what was
/// measured before a change of the code can be left out, and be forgotten.
pub const PROFILE_PERIOD: Duration = Duration::from_secs(3_600);

/// For how long profiles are kept.
pub const PROFILES_KEPT: Duration = Duration::from_secs(14 * 86_400);

/// Where jobs live. Cloning is cheap and gives a handle to the same store.
pub trait Store: Clone + Send + Sync + fmt::Debug + 'static {
    /// A subscription to changes, see [`Store::watch`].
    type Watch: Watch;

    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// Adds jobs, all or none. A job whose id or unique key is known already is not added again.
    /// The answers are in the order of the jobs.
    fn enqueue(
        &self,
        jobs: Vec<NewJob>,
    ) -> impl Future<Output = Result<Vec<Enqueued>, Error>> + Send;

    /// Adds jobs as they stand in another store, all or none: with their states, tokens, counts,
    /// times, failures and results. Of a record, only its session and whether somebody asked for
    /// its cancellation are left out, which belong to a running job.
    ///
    /// A job whose id is known, or whose key another job holds, is not added; the answer names the
    /// one that is there. Jobs that are ready line up in the order of the batch, as of now. The
    /// answers are in the order of the jobs.
    ///
    /// # Errors
    /// `LW1023` when a job is running: it belongs to a session of another store.
    fn restore(
        &self,
        jobs: Vec<JobRecord>,
    ) -> impl Future<Output = Result<Vec<Enqueued>, Error>> + Send;

    /// Makes tasks belong to an application, all or none: jobs carry only the name of their task,
    /// so a name must mean one function. Answers with those of them that belong to another
    /// application, by name; then nothing was changed, unless they were to be taken over.
    fn register_tasks(
        &self,
        register: RegisterTasks,
    ) -> impl Future<Output = Result<Vec<TaskOwner>, Error>> + Send;

    /// Opens a worker's session, or renews it when it is open.
    fn open_session(&self, open: OpenSession) -> impl Future<Output = Result<(), Error>> + Send;

    /// Extends a session's lease, tells which of its jobs somebody wants cancelled, and whether a
    /// newer Laneway has changed the store's schema meanwhile.
    ///
    /// # Errors
    /// `LW2001` when the session has expired and was swept: its jobs are no longer its own.
    fn renew_session(
        &self,
        renew: RenewSession,
    ) -> impl Future<Output = Result<Renewed, Error>> + Send;

    /// Ends a session. What it still holds is treated as interrupted, as after its expiry.
    fn close_session(&self, session: SessionId) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes ready jobs, by queue in the order asked, then by priority (high first), then by age.
    /// Jobs that are due are made ready first; permits of limits are taken for the jobs returned.
    ///
    /// # Errors
    /// `LW2001` when the session is not open.
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<Claimed, Error>> + Send;

    /// Ends attempts. The answers are in the order of the entries.
    fn settle(&self, settle: Settle) -> impl Future<Output = Result<Vec<Settled>, Error>> + Send;

    /// Stores how far running attempts are. Stale reports are dropped without a word.
    fn report_progress(
        &self,
        session: SessionId,
        reports: Vec<Progress>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Ends expired sessions and interrupts jobs whose deadline has passed; each such job is
    /// released, parked or failed as [`crate::interrupt::event_after`] says. Makes due jobs ready.
    fn sweep(&self, sweep: Sweep) -> impl Future<Output = Result<Swept, Error>> + Send;

    /// Deletes ended jobs (terminal, not parked) that are old enough, oldest first.
    fn prune(&self, prune: Prune) -> impl Future<Output = Result<usize, Error>> + Send;

    /// Cancels jobs: waiting ones at once, running ones by asking their worker.
    fn cancel(
        &self,
        jobs: Vec<JobId>,
    ) -> impl Future<Output = Result<Vec<Cancelled>, Error>> + Send;

    /// Makes failed, cancelled and parked jobs ready again, with their counts of failures and
    /// interruptions set to zero and their tokens kept.
    fn requeue(
        &self,
        jobs: Vec<JobId>,
    ) -> impl Future<Output = Result<Vec<Requeued>, Error>> + Send;

    /// Stops handing out jobs of a queue. Enqueueing goes on. Pausing twice is pausing once.
    fn pause_queue(&self, queue: QueueName) -> impl Future<Output = Result<(), Error>> + Send;

    /// Hands out jobs of a queue again.
    fn resume_queue(&self, queue: QueueName) -> impl Future<Output = Result<(), Error>> + Send;

    /// Subscribes to changes. A subscription never misses a change that happens after this call
    /// returned, though several changes may arrive as one [`Wake`].
    fn watch(&self) -> impl Future<Output = Result<Self::Watch, Error>> + Send;

    /// The ends of those of the given jobs that have ended (terminal or parked), in any order.
    fn finished(
        &self,
        jobs: Vec<JobId>,
    ) -> impl Future<Output = Result<Vec<Finished>, Error>> + Send;

    /// Everything known of one job.
    fn job(&self, job: JobId) -> impl Future<Output = Result<Option<JobRecord>, Error>> + Send;

    /// Jobs that match, newest first, a page at a time. Records in a list carry no payloads.
    fn list_jobs(&self, list: ListJobs) -> impl Future<Output = Result<Page, Error>> + Send;

    /// The queues that have ever had a job or were paused, by name, with their counts.
    fn queues(&self) -> impl Future<Output = Result<Vec<QueueRecord>, Error>> + Send;

    /// The open sessions, oldest first.
    fn sessions(&self) -> impl Future<Output = Result<Vec<SessionRecord>, Error>> + Send;

    /// The applications whose workers have used the store.
    fn registry(&self) -> impl Future<Output = Result<Registry, Error>> + Send;

    /// Adds what a worker measured to the profiles of the present [`PROFILE_PERIOD`], and forgets
    /// those older than [`PROFILES_KEPT`].
    ///
    /// # Errors
    /// `LW2001` when the session is not open.
    fn add_profiles(&self, add: AddProfiles) -> impl Future<Output = Result<(), Error>> + Send;

    /// What was measured, added up over time; by key.
    fn profiles(
        &self,
        read: ReadProfiles,
    ) -> impl Future<Output = Result<Vec<Profile>, Error>> + Send;

    /// What `laneway doctor` shows of this store.
    fn health(&self) -> impl Future<Output = Result<Health, Error>> + Send;
}

/// A subscription to a store's changes.
pub trait Watch: Send + fmt::Debug {
    /// Waits for the next change. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Result<Wake, Error>> + Send;
}
