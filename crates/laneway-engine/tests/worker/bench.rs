//! A worker at work, for tests: scripted runners, a store in memory, and the worker's own words.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::job::{Lane, Payload, Priority, QueueName, State, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{Cancelled, Due, Durability, JobRecord, NewJob, Store, Watch};
use laneway_engine::{Happening, Launch, Phase, WorkerOptions, WorkerReport};
use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};
use laneway_testkit::faulty::{FaultPlan, FaultyStore};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A test that waits longer than this has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) store: FaultyStore<SqliteStore>,
    pub(crate) plan: FaultPlan,
    pub(crate) phase: watch::Sender<Phase>,
    happenings: mpsc::UnboundedReceiver<Happening>,
    worker: JoinHandle<Result<WorkerReport, Error>>,
}

/// Options with the scripted runner, which Cargo builds beside the tests.
pub(crate) fn options() -> WorkerOptions {
    let mut runner: PathBuf = std::env::current_exe().unwrap();
    runner.pop();
    runner.pop();
    runner.push("examples/scripted_runner");
    assert!(runner.exists(), "run the tests with `cargo test -p laneway-engine`");
    WorkerOptions {
        runner_command: Some(vec![runner.into()]),
        app: "script".to_owned(),
        seed: 1,
        ..WorkerOptions::default()
    }
}

impl Bench {
    pub(crate) async fn start(options: WorkerOptions) -> Self {
        Self::start_with(options, FaultPlan::default()).await
    }

    pub(crate) async fn start_with(options: WorkerOptions, plan: FaultPlan) -> Self {
        let store = SqliteStore::open(SqliteOptions {
            path: Location::Memory,
            durability: Durability::Memory,
            clock: Arc::new(SystemClock),
        });
        let store = FaultyStore::new(store.unwrap(), plan.clone());
        let launch = Launch::start(options).await.unwrap();
        let (phase, shutdown) = watch::channel(Phase::Running);
        let (told, happenings) = mpsc::unbounded_channel();
        let observer = move |happening: &Happening| {
            told.send(happening.clone()).ok();
        };
        let worker = tokio::spawn(launch.run(store.clone(), shutdown, observer));
        Self { store, plan, phase, happenings, worker }
    }

    pub(crate) async fn enqueue(&self, lane: Lane, script: &str) -> JobId {
        self.enqueue_with(lane, script, Policy::default()).await
    }

    pub(crate) async fn enqueue_with(&self, lane: Lane, script: &str, policy: Policy) -> JobId {
        self.enqueue_many(lane, script, policy, 1).await.remove(0)
    }

    pub(crate) async fn enqueue_task(&self, task: &str, lane: Lane, script: &str) -> JobId {
        let job = NewJob { task: TaskName::new(task).unwrap(), ..new_job(lane, script) };
        self.store.enqueue(vec![job]).await.unwrap().remove(0).id
    }

    pub(crate) async fn enqueue_many(
        &self,
        lane: Lane,
        script: &str,
        policy: Policy,
        count: usize,
    ) -> Vec<JobId> {
        let policy = Arc::new(policy);
        let job = |_| NewJob { policy: Arc::clone(&policy), ..new_job(lane, script) };
        let jobs: Vec<NewJob> = (0..count).map(job).collect();
        let ids = jobs.iter().map(|job| job.id).collect();
        for batch in jobs.chunks(1_000) {
            self.store.enqueue(batch.to_vec()).await.unwrap();
        }
        ids
    }

    pub(crate) async fn cancel(&self, job: JobId) {
        assert_eq!(self.store.cancel(vec![job]).await.unwrap(), [Cancelled::Asked]);
    }

    /// Waits until a job is in a state that this accepts.
    pub(crate) async fn until(
        &self,
        job: JobId,
        accepts: impl Fn(&JobRecord) -> bool,
    ) -> JobRecord {
        let waiting = async {
            let mut changes = self.store.watch().await.unwrap();
            loop {
                let record = self.store.job(job).await.unwrap().unwrap();
                if accepts(&record) {
                    return record;
                }
                // A claim rings nobody, so the state is looked at now and then as well.
                drop(tokio::time::timeout(Duration::from_millis(20), changes.next()).await);
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the job does not get there")
    }

    pub(crate) async fn ended(&self, job: JobId) -> JobRecord {
        self.until(job, |record| record.state.is_terminal() || record.state == State::Parked).await
    }

    /// Waits until an attempt runs its script; being claimed is not enough.
    pub(crate) async fn running(&self, job: JobId) -> JobRecord {
        let is_begun =
            |record: &JobRecord| record.state == State::Running && record.progress.is_some();
        self.until(job, is_begun).await
    }

    /// Waits for the worker's word of something.
    pub(crate) async fn hears<T>(&mut self, mut is_it: impl FnMut(&Happening) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let happening = self.happenings.recv().await.expect("the worker has ended");
                if let Some(found) = is_it(&happening) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the worker says nothing of it")
    }

    /// Drains the worker and gives its report.
    pub(crate) async fn drain(self) -> Result<WorkerReport, Error> {
        self.phase.send_replace(Phase::Drain);
        self.end().await
    }

    /// Waits for the worker's end.
    pub(crate) async fn end(self) -> Result<WorkerReport, Error> {
        tokio::time::timeout(PATIENCE, self.worker).await.expect("the worker does not end").unwrap()
    }
}

fn new_job(lane: Lane, script: &str) -> NewJob {
    NewJob {
        id: JobId::from_bits(fastrand::u128(..)),
        task: TaskName::new(format!("{lane}.do")).unwrap(),
        queue: QueueName::new("work").unwrap(),
        lane,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: Arc::default(),
        limit: None,
        args: Payload(script.as_bytes().to_vec()),
    }
}
