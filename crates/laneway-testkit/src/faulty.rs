//! A store that breaks on demand.
//!
//! [`FaultyStore`] passes every verb on to another store. A [`FaultPlan`], shared with the test,
//! says which calls fail before they happen, which happen but lose their reply, and which wait
//! until the test opens a [`Gate`].

use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::QueueName;
use laneway_core::profile::Profile;
use laneway_core::store::{
    AddProfiles, Cancelled, Capabilities, Claim, Claimed, Enqueued, Finished, Health, JobRecord,
    ListJobs, NewJob, OpenSession, Page, Progress, Prune, QueueRecord, ReadProfiles, RegisterTasks,
    Registry, RenewSession, Renewed, Requeued, SessionRecord, Settle, Settled, Store, Sweep, Swept,
    TaskOwner,
};

mod plan;

use plan::Moment;
pub use plan::{FaultPlan, Gate, Verb};

/// A store whose calls fail as a plan says.
#[derive(Debug, Clone)]
pub struct FaultyStore<S> {
    inner: S,
    plan: FaultPlan,
}

impl<S: Store> FaultyStore<S> {
    /// Wraps a store. Without any fault in the plan it behaves exactly like it.
    pub fn new(inner: S, plan: FaultPlan) -> Self {
        Self { inner, plan }
    }

    /// Makes the call as planned. It is passed unmade, because a store may begin its work before
    /// the future is awaited.
    async fn call<T, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        verb: Verb,
        call: impl FnOnce() -> F + Send,
    ) -> Result<T, Error> {
        let fault = self.plan.begin(verb);
        if let Some(barrier) = fault.barrier {
            barrier.pass().await;
        }
        match fault.failure {
            None => call().await,
            Some(Moment::Before) => Err(broken(verb, "it was refused before it happened")),
            Some(Moment::After) => {
                call().await?;
                Err(broken(verb, "it happened, but the reply was lost"))
            }
        }
    }
}

fn broken(verb: Verb, why: &str) -> Error {
    Error::new(Code::StoreUnavailable, format!("the call {verb:?} failed as planned")).why(why)
}

impl<S: Store> Store for FaultyStore<S> {
    type Watch = S::Watch;

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
        self.call(Verb::Enqueue, || self.inner.enqueue(jobs)).await
    }

    async fn restore(&self, jobs: Vec<JobRecord>) -> Result<Vec<Enqueued>, Error> {
        self.call(Verb::Restore, || self.inner.restore(jobs)).await
    }

    async fn register_tasks(&self, register: RegisterTasks) -> Result<Vec<TaskOwner>, Error> {
        self.call(Verb::RegisterTasks, || self.inner.register_tasks(register)).await
    }

    async fn open_session(&self, open: OpenSession) -> Result<(), Error> {
        self.call(Verb::OpenSession, || self.inner.open_session(open)).await
    }

    async fn renew_session(&self, renew: RenewSession) -> Result<Renewed, Error> {
        self.call(Verb::RenewSession, || self.inner.renew_session(renew)).await
    }

    async fn close_session(&self, session: SessionId) -> Result<(), Error> {
        self.call(Verb::CloseSession, || self.inner.close_session(session)).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, Error> {
        self.call(Verb::Claim, || self.inner.claim(claim)).await
    }

    async fn settle(&self, settle: Settle) -> Result<Vec<Settled>, Error> {
        self.call(Verb::Settle, || self.inner.settle(settle)).await
    }

    async fn report_progress(
        &self,
        session: SessionId,
        reports: Vec<Progress>,
    ) -> Result<(), Error> {
        self.call(Verb::ReportProgress, || self.inner.report_progress(session, reports)).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Error> {
        self.call(Verb::Sweep, || self.inner.sweep(sweep)).await
    }

    async fn prune(&self, prune: Prune) -> Result<usize, Error> {
        self.call(Verb::Prune, || self.inner.prune(prune)).await
    }

    async fn cancel(&self, jobs: Vec<JobId>) -> Result<Vec<Cancelled>, Error> {
        self.call(Verb::Cancel, || self.inner.cancel(jobs)).await
    }

    async fn requeue(&self, jobs: Vec<JobId>) -> Result<Vec<Requeued>, Error> {
        self.call(Verb::Requeue, || self.inner.requeue(jobs)).await
    }

    async fn pause_queue(&self, queue: QueueName) -> Result<(), Error> {
        self.call(Verb::PauseQueue, || self.inner.pause_queue(queue)).await
    }

    async fn resume_queue(&self, queue: QueueName) -> Result<(), Error> {
        self.call(Verb::ResumeQueue, || self.inner.resume_queue(queue)).await
    }

    async fn watch(&self) -> Result<Self::Watch, Error> {
        self.call(Verb::Watch, || self.inner.watch()).await
    }

    async fn finished(&self, jobs: Vec<JobId>) -> Result<Vec<Finished>, Error> {
        self.call(Verb::Finished, || self.inner.finished(jobs)).await
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRecord>, Error> {
        self.call(Verb::Job, || self.inner.job(job)).await
    }

    async fn list_jobs(&self, list: ListJobs) -> Result<Page, Error> {
        self.call(Verb::ListJobs, || self.inner.list_jobs(list)).await
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, Error> {
        self.call(Verb::Queues, || self.inner.queues()).await
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>, Error> {
        self.call(Verb::Sessions, || self.inner.sessions()).await
    }

    async fn registry(&self) -> Result<Registry, Error> {
        self.call(Verb::Registry, || self.inner.registry()).await
    }

    async fn add_profiles(&self, add: AddProfiles) -> Result<(), Error> {
        self.call(Verb::AddProfiles, || self.inner.add_profiles(add)).await
    }

    async fn profiles(&self, read: ReadProfiles) -> Result<Vec<Profile>, Error> {
        self.call(Verb::Profiles, || self.inner.profiles(read)).await
    }

    async fn health(&self) -> Result<Health, Error> {
        self.call(Verb::Health, || self.inner.health()).await
    }
}
