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

/// Makes [`AnyStore`] and [`AnyWatch`] of the stores, each with its feature, and the macro
/// `with_store!`, which evaluates an expression with the concrete store bound to a name.
///
/// `$d` is a `$` for the macro that this one writes.
macro_rules! stores {
    ($d:tt $($(#[$doc:meta])* $feature:literal $kind:ident($store:ty);)*) => {
        /// A handle to a store of one of the kinds in this build; see [`crate::connect()`].
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum AnyStore {
            $($(#[$doc])* #[cfg(feature = $feature)] $kind($store),)*
        }

        /// A subscription to a store of any kind.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum AnyWatch {
            $($(#[$doc])* #[cfg(feature = $feature)] $kind(<$store as Store>::Watch),)*
        }

        impl Watch for AnyWatch {
            async fn next(&mut self) -> Result<Wake, Error> {
                match *self {
                    $(#[cfg(feature = $feature)] Self::$kind(ref mut watch) => watch.next().await,)*
                }
            }
        }

        impl AnyStore {
            async fn watched(&self) -> Result<AnyWatch, Error> {
                match *self {
                    $(#[cfg(feature = $feature)]
                    Self::$kind(ref store) => store.watch().await.map(AnyWatch::$kind),)*
                }
            }
        }

        macro_rules! with_store {
            ($d any:expr, $d name:ident => $d call:expr) => {
                match *$d any {
                    $(#[cfg(feature = $feature)] AnyStore::$kind(ref $d name) => $d call,)*
                }
            };
        }
    };
}

stores! { $
    /// A schema of a `PostgreSQL` database.
    "postgres" Postgres(laneway_postgres::PostgresStore);
    /// One file, or the memory of this process.
    "sqlite" Sqlite(laneway_sqlite::SqliteStore);
    /// A Redis or Valkey server.
    "redis" Redis(laneway_redis::RedisStore);
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
    not(any(feature = "postgres", feature = "redis", feature = "sqlite")),
    expect(unused_variables, reason = "a build without a store has nothing to pass it to")
)]
impl Store for AnyStore {
    type Watch = AnyWatch;

    fn capabilities(&self) -> Capabilities {
        with_store!(self, store => store.capabilities())
    }

    async fn watch(&self) -> Result<AnyWatch, Error> {
        self.watched().await
    }

    delegate! {
        enqueue(jobs: Vec<NewJob>) -> Vec<Enqueued>;
        restore(jobs: Vec<JobRecord>) -> Vec<Enqueued>;
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

/// What adds one job inside a transaction of the caller's own database driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueueing {
    /// The SQL function to be called, with its schema and quoted; it takes the job, as JSON, and
    /// the arguments, as bytes, and gives the job's id and whether it is a new one.
    pub function: String,
    /// The job as JSON.
    pub job: String,
    /// The encoded arguments.
    pub args: Vec<u8>,
}

impl AnyStore {
    /// What a driver of the caller's own must say to add a job inside its transaction.
    ///
    /// # Errors
    /// `LW1057` when the store lives in no database that others have transactions in.
    pub fn enqueueing(&self, job: NewJob) -> Result<Enqueueing, Error> {
        match *self {
            #[cfg(feature = "postgres")]
            Self::Postgres(ref store) => {
                let laneway_postgres::Enqueueing { function, job, args } = store.enqueueing(job)?;
                Ok(Enqueueing { function, job, args })
            }
            #[cfg(feature = "redis")]
            Self::Redis(_) => Err(without_transactions(&job)),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Err(without_transactions(&job)),
        }
    }
}

#[cfg(any(feature = "redis", feature = "sqlite"))]
fn without_transactions(job: &NewJob) -> Error {
    Error::new(
        laneway_core::error::Code::TransactionUnsupported,
        format!("a job of `{}` cannot be added inside a transaction", job.task),
    )
    .why("the store is not in a PostgreSQL database")
}
