//! A worker at work, for tests: scripted runners, a store in memory, and the worker's own words.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::job::{Lane, Payload, Priority, QueueName, State, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{
    Durability, Due, JobRecord, NewJob, Store, Watch,
};
use laneway_engine::{Happening, Launch, Phase, WorkerOptions, WorkerReport};
use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};
use laneway_testkit::faulty::{FaultPlan, FaultyStore};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A test that waits longer than this has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub type TestStore = FaultyStore<SqliteStore>;

pub struct Bench {
    pub store: TestStore,
    pub plan: FaultPlan,
    pub phase: watch::Sender<Phase>,
    happenings: mpsc::UnboundedReceiver<Happening>,
    worker: JoinHandle<Result<WorkerReport, Error>>,
}

/// Options with the scripted runner, which Cargo builds beside the tests.
pub fn options() -> WorkerOptions {
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
    pub async fn start(options: WorkerOptions) -> Self {
        let store = SqliteStore::open(SqliteOptions {
            path: Location::Memory,
            durability: Durability::Memory,
            clock: Arc::new(SystemClock),
        });
        let plan = FaultPlan::default();
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

    pub async fn enqueue(&self, lane: Lane, script: &str) -> JobId {
        self.enqueue_with(lane, script, Policy::default()).await
    }

    pub async fn enqueue_with(&self, lane: Lane, script: &str, policy: Policy) -> JobId {
        self.enqueue_many(lane, script, policy, 1).await.remove(0)
    }

    pub async fn enqueue_many(
        &self,
        lane: Lane,
        script: &str,
        policy: Policy,
        count: usize,
    ) -> Vec<JobId> {
        let policy = Arc::new(policy);
        let job = |_| NewJob {
            id: JobId::from_bits(fastrand::u128(..)),
            task: TaskName::new(format!("{lane}.do")).unwrap(),
            queue: QueueName::new("work").unwrap(),
            lane,
            priority: Priority::default(),
            due: Due::Now,
            unique: None,
            policy: Arc::clone(&policy),
            limit: None,
            args: Payload(script.as_bytes().to_vec()),
        };
        let jobs: Vec<NewJob> = (0..count).map(job).collect();
        let ids = jobs.iter().map(|job| job.id).collect();
        for batch in jobs.chunks(1_000) {
            self.store.enqueue(batch.to_vec()).await.unwrap();
        }
        ids
    }

    /// Waits until a job is in a state that this accepts.
    pub async fn until(&self, job: JobId, accepts: impl Fn(&JobRecord) -> bool) -> JobRecord {
        let waiting = async {
            let mut changes = self.store.watch().await.unwrap();
            loop {
                let record = self.store.job(job).await.unwrap().unwrap();
                if accepts(&record) {
                    return record;
                }
                // A claim rings nobody, so the state is looked at now and then as well.
                let _ = tokio::time::timeout(Duration::from_millis(20), changes.next()).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the job does not get there")
    }

    pub async fn ended(&self, job: JobId) -> JobRecord {
        self.until(job, |record| record.state.is_terminal() || record.state == State::Parked).await
    }

    pub async fn running(&self, job: JobId) -> JobRecord {
        self.until(job, |record| record.state == State::Running).await
    }

    /// Waits for the worker's word of something.
    pub async fn hears<T>(&mut self, mut is_it: impl FnMut(&Happening) -> Option<T>) -> T {
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
    pub async fn drain(self) -> Result<WorkerReport, Error> {
        self.phase.send_replace(Phase::Drain);
        self.end().await
    }

    /// Waits for the worker's end.
    pub async fn end(self) -> Result<WorkerReport, Error> {
        tokio::time::timeout(PATIENCE, self.worker).await.expect("the worker does not end").unwrap()
    }
}
