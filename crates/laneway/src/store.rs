//! A store of any kind, chosen at run time.
//!
//! The port's methods are native async functions, so it cannot be a trait object; an enum costs one
//! branch per call instead of an allocation.

use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::QueueName;
use laneway_core::profile::Profile;
use laneway_core::store::{
    AddProfiles, Cancelled, Capabilities, Claim, Claimed, Enqueued, Finished, Health, JobRecord,
    ListJobs, NewJob, OpenSession, Page, Progress, Prune, QueueRecord, ReadProfiles, RegisterTasks,
    Registry, RenewSession, Renewed, Requeued, SessionRecord, Settle, Settled, Store, Sweep, Swept,
    TaskOwner, Wake, Watch,
};

/// A handle to a store of one of the kinds in this build; see [`crate::connect()`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AnyStore {
    /// The embedded store.
    #[cfg(feature = "sqlite")]
    Sqlite(laneway_sqlite::SqliteStore),
}

/// A subscription to a store of any kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyWatch {
    /// One of the embedded store.
    #[cfg(feature = "sqlite")]
    Sqlite(<laneway_sqlite::SqliteStore as Store>::Watch),
}

/// Evaluates an expression with the concrete store bound to a name.
macro_rules! with_store {
    ($any:expr, $store:ident => $call:expr) => {
        match *$any {
            #[cfg(feature = "sqlite")]
            AnyStore::Sqlite(ref $store) => $call,
        }
    };
}

/// Passes verbs of the port on as they are.
macro_rules! delegate {
    ($($verb:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(async fn $verb(&self, $($argument: $type),*) -> Result<$answer, Error> {
            with_store!(self, store => store.$verb($($argument),*).await)
        })*
    };
}

#[cfg_attr(
    not(feature = "sqlite"),
    expect(unused_variables, reason = "a build without a store has nothing to pass it to")
)]
impl Store for AnyStore {
    type Watch = AnyWatch;

    fn capabilities(&self) -> Capabilities {
        with_store!(self, store => store.capabilities())
    }

    async fn watch(&self) -> Result<AnyWatch, Error> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref store) => store.watch().await.map(AnyWatch::Sqlite),
        }
    }

    delegate! {
        enqueue(jobs: Vec<NewJob>) -> Vec<Enqueued>;
        register_tasks(register: RegisterTasks) -> Vec<TaskOwner>;
        open_session(open: OpenSession) -> ();
        renew_session(renew: RenewSession) -> Renewed;
        close_session(session: SessionId) -> ();
        claim(claim: Claim) -> Claimed;
        settle(settle: Settle) -> Vec<Settled>;
        report_progress(session: SessionId, reports: Vec<Progress>) -> ();
        sweep(sweep: Sweep) -> Swept;
        prune(prune: Prune) -> usize;
        cancel(jobs: Vec<JobId>) -> Vec<Cancelled>;
        requeue(jobs: Vec<JobId>) -> Vec<Requeued>;
        pause_queue(queue: QueueName) -> ();
        resume_queue(queue: QueueName) -> ();
        finished(jobs: Vec<JobId>) -> Vec<Finished>;
        job(job: JobId) -> Option<JobRecord>;
        list_jobs(list: ListJobs) -> Page;
        queues() -> Vec<QueueRecord>;
        sessions() -> Vec<SessionRecord>;
        registry() -> Registry;
        add_profiles(add: AddProfiles) -> ();
        profiles(read: ReadProfiles) -> Vec<Profile>;
        health() -> Health;
    }
}

impl Watch for AnyWatch {
    async fn next(&mut self) -> Result<Wake, Error> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref mut watch) => watch.next().await,
        }
    }
}
