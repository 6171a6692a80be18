//! The plainest possible store: everything in one place under one lock, every question answered by
//! looking at every job.
//!
//! It is the oracle that real stores are compared with, so it is written to be read, not to be
//! fast.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use laneway_core::clock::{Clock, Timestamp};
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::QueueName;
use laneway_core::profile::Profile;
use laneway_core::store::{
    self, AddProfiles, Cancelled, Capabilities, Claim, Claimed, Durability, Enqueued, Finished,
    Health, JobRecord, ListJobs, NewJob, OpenSession, Page, Progress, Prune, QueueRecord,
    ReadProfiles, RegisterTasks, Registry, RenewSession, Renewed, Requeued, SessionRecord, Settle,
    Settled, Store, Sweep, Swept, TaskOwner, Wake,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::clock::SimClock;

mod claim;
mod control;
mod enqueue;
mod ownership;
mod profile;
mod read;
mod session;
mod settle;
mod state;

use state::State;

/// A store in memory that takes its time from a [`SimClock`].
#[derive(Clone)]
pub struct ModelStore {
    clock: SimClock,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    state: State,
    watches: Vec<UnboundedSender<Wake>>,
}

/// A subscription to the changes of a [`ModelStore`].
#[derive(Debug)]
pub struct Watch(UnboundedReceiver<Wake>);

impl ModelStore {
    /// An empty store.
    pub fn new(clock: SimClock) -> Self {
        Self { clock, inner: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no verb of the model panics")
    }

    fn read<T>(&self, question: impl FnOnce(&State, Timestamp) -> T) -> T {
        question(&self.lock().state, self.clock.now())
    }

    /// Runs one verb as one transaction and tells every watch what it changed.
    fn change<T>(&self, verb: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let inner = &mut *self.lock();
        let answer = verb(&mut inner.state, self.clock.now());
        let wake = std::mem::take(&mut inner.state.wake);
        if wake != Wake::default() {
            inner.watches.retain(|watch| watch.send(wake.clone()).is_ok());
        }
        answer
    }
}

impl fmt::Debug for ModelStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelStore").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Store for ModelStore {
    type Watch = Watch;

    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Memory, many_machines: false, names_finished: true }
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
        Ok(self.change(|state, now| state.enqueue(jobs, now)))
    }

    async fn restore(&self, jobs: Vec<JobRecord>) -> Result<Vec<Enqueued>, Error> {
        store::check_restorable(&jobs)?;
        Ok(self.change(|state, now| state.restore(jobs, now)))
    }

    async fn register_tasks(&self, register: RegisterTasks) -> Result<Vec<TaskOwner>, Error> {
        Ok(self.change(|state, _| state.register_tasks(register)))
    }

    async fn open_session(&self, open: OpenSession) -> Result<(), Error> {
        self.change(|state, now| state.open_session(open, now));
        Ok(())
    }

    async fn renew_session(&self, renew: RenewSession) -> Result<Renewed, Error> {
        self.change(|state, now| state.renew_session(renew, now))
    }

    async fn close_session(&self, session: SessionId) -> Result<(), Error> {
        self.change(|state, now| state.close_session(session, now));
        Ok(())
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, Error> {
        self.change(|state, now| state.claim(&claim, now))
    }

    async fn settle(&self, settle: Settle) -> Result<Vec<Settled>, Error> {
        Ok(self.change(|state, now| state.settle(settle, now)))
    }

    async fn report_progress(
        &self,
        session: SessionId,
        reports: Vec<Progress>,
    ) -> Result<(), Error> {
        self.change(|state, _| state.report_progress(session, reports));
        Ok(())
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Error> {
        Ok(self.change(|state, now| state.sweep(sweep, now)))
    }

    async fn prune(&self, prune: Prune) -> Result<usize, Error> {
        Ok(self.change(|state, now| state.prune(prune, now)))
    }

    async fn cancel(&self, jobs: Vec<JobId>) -> Result<Vec<Cancelled>, Error> {
        Ok(self.change(|state, now| jobs.into_iter().map(|id| state.cancel(id, now)).collect()))
    }

    async fn requeue(&self, jobs: Vec<JobId>) -> Result<Vec<Requeued>, Error> {
        Ok(self.change(|state, now| jobs.into_iter().map(|id| state.requeue(id, now)).collect()))
    }

    async fn pause_queue(&self, queue: QueueName) -> Result<(), Error> {
        self.change(|state, _| state.set_paused(queue, true));
        Ok(())
    }

    async fn resume_queue(&self, queue: QueueName) -> Result<(), Error> {
        self.change(|state, _| state.set_paused(queue, false));
        Ok(())
    }

    async fn watch(&self) -> Result<Watch, Error> {
        let (sender, receiver) = unbounded_channel();
        self.lock().watches.push(sender);
        Ok(Watch(receiver))
    }

    async fn finished(&self, jobs: Vec<JobId>) -> Result<Vec<Finished>, Error> {
        Ok(self.read(|state, _| state.finished(&jobs)))
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRecord>, Error> {
        Ok(self.read(|state, _| state.jobs.get(&job).map(|job| job.record.clone())))
    }

    async fn list_jobs(&self, list: ListJobs) -> Result<Page, Error> {
        Ok(self.read(|state, _| state.list(&list)))
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, Error> {
        Ok(self.read(State::queues))
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>, Error> {
        Ok(self.read(|state, _| state.sessions()))
    }

    async fn registry(&self) -> Result<Registry, Error> {
        Ok(self.read(|state, _| state.registry()))
    }

    async fn add_profiles(&self, add: AddProfiles) -> Result<(), Error> {
        self.change(|state, now| state.add_profiles(add, now))
    }

    async fn profiles(&self, read: ReadProfiles) -> Result<Vec<Profile>, Error> {
        Ok(self.read(|state, now| state.profiles(&read, now)))
    }

    async fn health(&self) -> Result<Health, Error> {
        let jobs = self.read(|state, _| state.jobs.len());
        let facts = vec![(String::from("jobs"), jobs.to_string())];
        Ok(Health { facts, warnings: Vec::new() })
    }
}

impl store::Watch for Watch {
    async fn next(&mut self) -> Result<Wake, Error> {
        let gone = || Error::new(Code::StoreUnavailable, "the store is gone");
        let mut wake = self.0.recv().await.ok_or_else(gone)?;
        while let Ok(more) = self.0.try_recv() {
            wake.ready |= more.ready;
            wake.control |= more.control;
            wake.finished.extend(more.finished);
            wake.finished_others |= more.finished_others;
        }
        Ok(wake)
    }
}
