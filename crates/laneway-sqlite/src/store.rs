//! The store: the contract's verbs, each sent to the thread that does it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::{fmt, fs};

use laneway_core::clock::Clock;
use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::QueueName;
use laneway_core::profile::Profile;
use laneway_core::store::{
    AddProfiles, Cancelled, Capabilities, Claim, Claimed, Durability, Enqueued, Finished, Health,
    JobRecord, ListJobs, NewJob, OpenSession, Page, Progress, Prune, QueueRecord, ReadProfiles,
    RegisterTasks, Registry, RenewSession, Renewed, Requeued, SessionRecord, Settle, Settled,
    Store, Sweep, Swept, TaskOwner, check_restorable,
};
use rusqlite::Connection;

use crate::bell::{Belfry, Ringer, listen};
use crate::fault::{Result, file_error};
use crate::open::{Location, SqliteOptions, open_writer};
use crate::reader::Readers;
use crate::transaction::Bell;
use crate::watch::{Hub, SqliteWatch};
use crate::writer::{Writer, WriterThread, no_thread};
use crate::{
    census, claim, control, enqueue, health, inspect, ownership, profile, prune, restore, session,
    settle, sweep,
};

/// Jobs in one SQLite database. Clones are handles to the same store; the file is closed when the
/// last of them is dropped.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

// Fields are dropped in this order: the writer first, so that its last commit is announced.
struct Inner {
    writer: Writer,
    /// `None` for a store in memory, whose only connection is the writer's.
    readers: Option<Readers>,
    listener: Mutex<Option<JoinHandle<()>>>,
    hub: Arc<Hub>,
    belfry: Option<Belfry>,
    location: Location,
    durability: Durability,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens a store, and makes it when there is none.
    ///
    /// # Errors
    /// `LW1003` when the file is damaged or another program's, `LW1004` when it was written by a
    /// newer Laneway, `LW1005` when it cannot be written, `LW1006` when the disk is full, `LW1007`
    /// when another process keeps it locked, `LW1008` when it cannot be used for another reason,
    /// and `LW1010` when the SQLite library is too old.
    pub fn open(options: SqliteOptions) -> std::result::Result<Self, Error> {
        let SqliteOptions { path, durability, clock } = options;
        let location = absolute(path)?;
        let shown = location.to_string();
        Self::start(location, durability, clock).map_err(|fault| fault.into_error(&shown))
    }

    fn start(location: Location, durability: Durability, clock: Arc<dyn Clock>) -> Result<Self> {
        let durability = match location {
            Location::Memory => Durability::Memory,
            Location::File(_) => durability,
        };
        let connection = open_writer(&location, durability)?;
        Self::assemble(connection, location, durability, clock)
    }

    /// Makes a store of a connection whose database has its tables.
    fn assemble(
        connection: Connection,
        location: Location,
        durability: Durability,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let belfry = match &location {
            Location::Memory => None,
            // Links must not lead to different folders: the name that counts is the file's own.
            Location::File(file) => fs::canonicalize(file).ok().and_then(|file| Belfry::of(&file)),
        };
        let hub = Arc::new(Hub::default());
        let worker = WriterThread {
            connection,
            path: location.to_string(),
            clock: clock.clone(),
            hub: hub.clone(),
            ringer: belfry.clone().and_then(Ringer::new),
        };
        let writer = Writer::start(worker).map_err(|error| no_thread(&error))?;
        let readers = match &location {
            Location::Memory => None,
            Location::File(file) => Some(Readers::new(file.clone())),
        };
        let listener = Mutex::default();
        Ok(Self(Arc::new(Inner {
            writer,
            readers,
            listener,
            hub,
            belfry,
            location,
            durability,
            clock,
        })))
    }
}

fn absolute(path: Location) -> std::result::Result<Location, Error> {
    match path {
        Location::Memory => Ok(Location::Memory),
        Location::File(file) => {
            let found = std::path::absolute(&file);
            Ok(Location::File(found.map_err(|error| file_error(&error, &file))?))
        }
    }
}

impl Inner {
    async fn read<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Error> {
        if let Some(readers) = &self.readers {
            return readers.run(question).await;
        }
        let ask = move |tx: &mut crate::transaction::Tx<'_>| {
            // Verbs of the same group have already run.
            tx.changes.flush(tx.connection)?;
            question(tx.connection)
        };
        self.writer.run(1, ask).await
    }

    fn start_listening(&self, file: &Path) -> std::result::Result<(), Error> {
        let shown = || file.display().to_string();
        let started = listen(self.hub.clone(), file, self.belfry.as_ref())
            .and_then(|started| started.map_err(|error| no_thread(&error)));
        let handle = started.map_err(|fault| {
            self.hub.listening_failed();
            fault.into_error(&shown())
        })?;
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        *listener = Some(handle);
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.hub.close();
        let listener = self.listener.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = listener.take()
            && thread.join().is_err()
        {
            // The panic was reported by the thread itself, and nobody watches any more.
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("location", &self.0.location)
            .field("durability", &self.0.durability)
            .finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    type Watch = SqliteWatch;

    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: self.0.durability, many_machines: false, names_finished: true }
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> std::result::Result<Vec<Enqueued>, Error> {
        let weight = jobs.len();
        self.0.writer.run(weight, move |tx| enqueue::enqueue(tx, &jobs)).await
    }

    async fn restore(&self, jobs: Vec<JobRecord>) -> std::result::Result<Vec<Enqueued>, Error> {
        check_restorable(&jobs)?;
        let weight = jobs.len();
        self.0.writer.run(weight, move |tx| restore::restore(tx, &jobs)).await
    }

    async fn register_tasks(
        &self,
        register: RegisterTasks,
    ) -> std::result::Result<Vec<TaskOwner>, Error> {
        self.0.writer.run(1, move |tx| ownership::register(tx, &register)).await
    }

    async fn open_session(&self, open: OpenSession) -> std::result::Result<(), Error> {
        self.0.writer.run(1, move |tx| session::open(tx, &open)).await
    }

    async fn renew_session(&self, renew: RenewSession) -> std::result::Result<Renewed, Error> {
        self.0.writer.run(1, move |tx| session::renew(tx, &renew)).await
    }

    async fn close_session(&self, session: SessionId) -> std::result::Result<(), Error> {
        self.0.writer.run(1, move |tx| session::close(tx, session)).await
    }

    async fn claim(&self, claim: Claim) -> std::result::Result<Claimed, Error> {
        let weight = claim.slots.iter().map(|slots| slots.count).max().unwrap_or(1);
        self.0.writer.run(weight, move |tx| claim::claim(tx, &claim)).await
    }

    async fn settle(&self, settle: Settle) -> std::result::Result<Vec<Settled>, Error> {
        let weight = settle.entries.len();
        self.0.writer.run(weight, move |tx| settle::settle(tx, &settle)).await
    }

    async fn report_progress(
        &self,
        session: SessionId,
        reports: Vec<Progress>,
    ) -> std::result::Result<(), Error> {
        let weight = reports.len();
        let report = move |tx: &mut crate::transaction::Tx<'_>| {
            settle::report_progress(tx, session, &reports)
        };
        self.0.writer.run(weight, report).await
    }

    async fn sweep(&self, sweep: Sweep) -> std::result::Result<Swept, Error> {
        self.0.writer.run(1, move |tx| sweep::sweep(tx, sweep)).await
    }

    async fn prune(&self, prune: Prune) -> std::result::Result<usize, Error> {
        self.0.writer.run(prune.jobs_max, move |tx| prune::prune(tx, prune)).await
    }

    async fn cancel(&self, jobs: Vec<JobId>) -> std::result::Result<Vec<Cancelled>, Error> {
        let weight = jobs.len();
        self.0.writer.run(weight, move |tx| control::cancel(tx, &jobs)).await
    }

    async fn requeue(&self, jobs: Vec<JobId>) -> std::result::Result<Vec<Requeued>, Error> {
        let weight = jobs.len();
        self.0.writer.run(weight, move |tx| control::requeue(tx, &jobs)).await
    }

    async fn pause_queue(&self, queue: QueueName) -> std::result::Result<(), Error> {
        self.0.writer.run(1, move |tx| control::pause(tx, &queue)).await
    }

    async fn resume_queue(&self, queue: QueueName) -> std::result::Result<(), Error> {
        self.0.writer.run(1, move |tx| control::resume(tx, &queue)).await
    }

    async fn watch(&self) -> std::result::Result<SqliteWatch, Error> {
        let Location::File(file) = &self.0.location else {
            let (mailbox, _) = self.0.hub.subscribe(Bell::default());
            return Ok(SqliteWatch::new(mailbox, self.clone()));
        };
        let bell = self.0.read(Bell::read).await?;
        let (mailbox, must_listen) = self.0.hub.subscribe(bell);
        if must_listen {
            self.0.start_listening(file)?;
        }
        Ok(SqliteWatch::new(mailbox, self.clone()))
    }

    async fn finished(&self, jobs: Vec<JobId>) -> std::result::Result<Vec<Finished>, Error> {
        self.0.read(move |connection| inspect::finished(connection, &jobs)).await
    }

    async fn job(&self, job: JobId) -> std::result::Result<Option<JobRecord>, Error> {
        self.0.read(move |connection| inspect::job(connection, job)).await
    }

    async fn list_jobs(&self, list: ListJobs) -> std::result::Result<Page, Error> {
        self.0.read(move |connection| inspect::list(connection, &list)).await
    }

    async fn queues(&self) -> std::result::Result<Vec<QueueRecord>, Error> {
        let clock = self.0.clock.clone();
        self.0.read(move |connection| census::queues(connection, clock.now())).await
    }

    async fn sessions(&self) -> std::result::Result<Vec<SessionRecord>, Error> {
        self.0.read(census::sessions).await
    }

    async fn registry(&self) -> std::result::Result<Registry, Error> {
        self.0.read(ownership::registry).await
    }

    async fn add_profiles(&self, add: AddProfiles) -> std::result::Result<(), Error> {
        let weight = add.profiles.len();
        self.0.writer.run(weight, move |tx| profile::add(tx, &add)).await
    }

    async fn profiles(&self, read: ReadProfiles) -> std::result::Result<Vec<Profile>, Error> {
        let clock = self.0.clock.clone();
        self.0.read(move |connection| profile::read(connection, &read, clock.now())).await
    }

    async fn health(&self) -> std::result::Result<Health, Error> {
        let (location, durability) = (self.0.location.clone(), self.0.durability);
        self.0.read(move |connection| health::health(connection, &location, durability)).await
    }
}

#[cfg(test)]
mod tests;
