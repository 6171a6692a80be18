//! A fresh store with what a case needs at hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use laneway_core::clock::{Clock, Timestamp};
use laneway_core::error::Code;
use laneway_core::id::{JobId, SessionId, Token};
use laneway_core::job::{Failure, Lane, Payload, Priority, QueueName, State, TaskName};
use laneway_core::limit::{Limit, Rate};
use laneway_core::policy::Policy;
use laneway_core::store::{
    Cancelled, Claim, Claimed, ClaimedJob, Due, Enqueued, JobRecord, LaneSlots, NewJob,
    OpenSession, Outcome, RenewSession, Renewed, Requeued, Settle, Settled, Settlement,
    StateCounts, Store, Sweep, Swept, Timing,
};

use super::Harness;
use crate::clock::SimClock;

/// The lease of the session that is open from the start: longer than any case lasts.
const LEASE_LONG: Duration = Duration::from_secs(10 * 24 * 3_600);

/// A store under test, its clock, and an open session.
#[derive(Debug)]
pub struct Trial<H: Harness> {
    /// The store.
    pub store: H::Store,
    /// Its clock.
    pub clock: SimClock,
    /// A session that does not expire while the case lasts.
    pub session: SessionId,
    harness: H,
    numbers: AtomicU64,
}

impl<H: Harness> Trial<H> {
    /// Starts with an empty store and one open session.
    pub async fn start(harness: H, clock: SimClock) -> Self {
        let store = harness.store();
        let numbers = AtomicU64::new(1);
        let session = SessionId::new(clock.now(), 0);
        let trial = Self { store, clock, session, harness, numbers };
        trial.open(session, LEASE_LONG).await;
        trial
    }

    /// The same data opened once more, as another process would.
    pub fn second(&self) -> H::Store {
        self.harness.open_second().expect("a durable store can be opened twice")
    }

    /// Closes the store and opens it again.
    #[must_use]
    pub fn reopen(self) -> Self {
        let Self { store, clock, session, harness, numbers } = self;
        drop(store);
        let harness = harness.reopen().expect("a durable store can be opened again");
        Self { store: harness.store(), clock, session, harness, numbers }
    }

    /// Breaks what is stored of a job.
    pub fn damage(&self, job: JobId, way: &str) {
        self.harness.damage(job, way);
    }

    /// A number that was not used before.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A job that can run at once: queue `default`, async lane, no limit, no key.
    pub fn job(&self) -> NewJob {
        let number = self.number();
        NewJob {
            id: JobId::new(self.clock.now(), number.into()),
            task: TaskName::new("app.task").expect("a good name"),
            queue: QueueName::default_queue(),
            lane: Lane::Async,
            priority: Priority::default(),
            due: Due::Now,
            unique: None,
            policy: Arc::new(Policy::default()),
            limit: None,
            args: payload(&format!("args {number}")),
        }
    }

    /// A job of a queue.
    pub fn job_in(&self, name: &str) -> NewJob {
        NewJob { queue: queue(name), ..self.job() }
    }

    /// A job that may run later.
    pub fn job_due(&self, due: Due) -> NewJob {
        NewJob { due, ..self.job() }
    }

    /// A job that needs a permit.
    pub fn job_limited(&self, key: &str, rate: Rate) -> NewJob {
        let limit = Limit { key: key.to_owned(), rate };
        NewJob { limit: Some(Arc::new(limit)), ..self.job() }
    }

    /// A job with a policy.
    pub fn job_under(&self, policy: Policy) -> NewJob {
        NewJob { policy: Arc::new(policy), ..self.job() }
    }

    /// Adds jobs and tells the answers.
    pub async fn enqueue(&self, jobs: Vec<NewJob>) -> Vec<Enqueued> {
        self.store.enqueue(jobs).await.expect("enqueue")
    }

    /// Adds one job and tells its id.
    pub async fn add(&self, job: NewJob) -> JobId {
        let answers = self.enqueue(vec![job]).await;
        assert!(answers[0].created);
        answers[0].id
    }

    /// Adds so many plain jobs and tells their ids in order.
    pub async fn add_many(&self, count: usize) -> Vec<JobId> {
        let jobs = (0..count).map(|_| self.job()).collect();
        self.enqueue(jobs).await.into_iter().map(|answer| answer.id).collect()
    }

    /// Opens a session.
    pub async fn open(&self, session: SessionId, lease: Duration) {
        let open = OpenSession { session, worker: format!("worker {session}"), lease };
        self.store.open_session(open).await.expect("open session");
    }

    /// Opens another session.
    pub async fn open_another(&self, lease: Duration) -> SessionId {
        let session = SessionId::new(self.clock.now(), self.number().into());
        self.open(session, lease).await;
        session
    }

    /// Renews a session.
    pub async fn renew(&self, session: SessionId, lease: Duration) -> Result<Renewed, Code> {
        let renew = RenewSession { session, lease, condition: String::from("well") };
        self.store.renew_session(renew).await.map_err(|error| error.code())
    }

    /// A claim of the first session, from queue `default`, for every lane.
    pub fn claim_of(&self, count: usize) -> Claim {
        let slots = Lane::ALL.into_iter().map(|lane| LaneSlots { lane, count }).collect();
        let queues = Arc::from([QueueName::default_queue()]);
        Claim { session: self.session, call: self.number(), queues, slots }
    }

    /// Makes a claim.
    pub async fn take(&self, claim: Claim) -> Claimed {
        self.store.claim(claim).await.expect("claim")
    }

    /// Claims from queue `default` for the first session, so many at most for each lane.
    pub async fn claim(&self, count: usize) -> Vec<ClaimedJob> {
        self.take(self.claim_of(count)).await.jobs
    }

    /// Claims for another session.
    pub async fn claim_for(&self, session: SessionId, count: usize) -> Vec<ClaimedJob> {
        self.take(Claim { session, ..self.claim_of(count) }).await.jobs
    }

    /// Claims from these queues.
    pub async fn claim_from(&self, queues: &[&str], count: usize) -> Vec<ClaimedJob> {
        let queues = queues.iter().map(|name| queue(name)).collect();
        self.take(Claim { queues, ..self.claim_of(count) }).await.jobs
    }

    /// Claims the one job that is ready.
    pub async fn claim_one(&self) -> ClaimedJob {
        let mut jobs = self.claim(10).await;
        assert_eq!(jobs.len(), 1, "one job is ready");
        jobs.remove(0)
    }

    /// Adds a job and claims it.
    pub async fn running(&self, job: NewJob) -> ClaimedJob {
        let id = self.add(job).await;
        let claimed = self.claim_one().await;
        assert_eq!(claimed.id, id);
        claimed
    }

    /// Ends an attempt of the first session.
    pub async fn settle(&self, job: &ClaimedJob, outcome: Outcome) -> Settled {
        self.settle_as(self.session, job.id, job.token, outcome).await
    }

    /// Ends an attempt, whoever holds it.
    pub async fn settle_as(
        &self,
        session: SessionId,
        job: JobId,
        token: Token,
        outcome: Outcome,
    ) -> Settled {
        let entries = vec![Settlement { job, token, outcome, timing: Some(timing()) }];
        let answers = self.store.settle(Settle { session, entries }).await.expect("settle");
        assert_eq!(answers.len(), 1);
        answers[0]
    }

    /// Ends an attempt and expects it to be recorded.
    pub async fn end(&self, job: &ClaimedJob, outcome: Outcome) {
        assert_eq!(self.settle(job, outcome).await, Settled::Accepted);
    }

    /// What the store knows of a job.
    pub async fn record(&self, id: JobId) -> JobRecord {
        self.store.job(id).await.expect("job").expect("the job is kept")
    }

    /// A job's state.
    pub async fn state(&self, id: JobId) -> State {
        self.record(id).await.state
    }

    /// Sweeps without a bound that matters.
    pub async fn sweep(&self) -> Swept {
        self.store.sweep(Sweep { jobs_max: 10_000 }).await.expect("sweep")
    }

    /// Cancels one job.
    pub async fn cancel(&self, id: JobId) -> Cancelled {
        self.store.cancel(vec![id]).await.expect("cancel")[0]
    }

    /// Requeues one job.
    pub async fn requeue(&self, id: JobId) -> Requeued {
        self.store.requeue(vec![id]).await.expect("requeue")[0]
    }

    /// The end of an attempt, as an entry of a batch.
    pub fn settlement(&self, job: &ClaimedJob, outcome: Outcome) -> Settlement {
        Settlement { job: job.id, token: job.token, outcome, timing: Some(timing()) }
    }

    /// The counts of a queue.
    pub async fn counts(&self, name: &str) -> StateCounts {
        let queues = self.store.queues().await.expect("queues");
        let found = queues.into_iter().find(|record| record.name.as_str() == name);
        found.map(|record| record.counts).unwrap_or_default()
    }

    /// The store's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

/// What an attempt of the suite measured.
pub(super) fn timing() -> Timing {
    Timing { wall: Duration::from_millis(120), cpu: Some(Duration::from_millis(7)) }
}

/// A queue's name.
pub fn queue(name: &str) -> QueueName {
    QueueName::new(name).expect("a good name")
}

/// Some encoded value.
pub fn payload(text: &str) -> Payload {
    Payload(text.as_bytes().to_vec())
}

/// A failure as a task that raised would report it.
pub fn failure(message: &str) -> Failure {
    Failure {
        kind: String::from("ValueError"),
        traceback: String::from("Traceback …"),
        ..Failure::new(Code::TaskRaised, message)
    }
}

/// `count` starts a second, at most `burst` at once.
pub fn rate(count: u32, burst: u32) -> Rate {
    Rate::new(count, Duration::from_secs(1), burst).expect("a usable rate")
}

/// So many seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The ids of claimed jobs, in order.
pub(super) fn ids(jobs: &[ClaimedJob]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}
