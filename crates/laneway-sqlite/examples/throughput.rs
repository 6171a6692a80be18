//! How fast the embedded store is on this machine: `cargo run --release -p laneway-sqlite --example
//! throughput [jobs] [batch]`.
//!
//! Enqueues jobs with arguments of 100 bytes in batches, then claims and settles them all, then
//! measures single enqueues one after another. The CPU time is that of the writer's thread.

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement reads the machine's time and prints what it found"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use laneway_core::clock::Clock;
use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Lane, Payload, Priority, QueueName, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{
    Claim, Due, Durability, LaneSlots, NewJob, OpenSession, Outcome, Settle, Settlement, Store,
    Timing,
};
use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1).map_while(|text| text.parse().ok());
    let jobs: usize = arguments.next().unwrap_or(200_000);
    let batch: usize = arguments.next().unwrap_or(1_000);
    let folder = std::env::temp_dir().join(format!("laneway-throughput-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| {
        Error::new(laneway_core::error::Code::Internal, "no runtime").why(error.to_string())
    })?;
    let outcome = runtime.block_on(measure(&folder, jobs, batch));
    drop(fs::remove_dir_all(&folder));
    outcome
}

async fn measure(folder: &Path, jobs: usize, batch: usize) -> Result<(), Error> {
    let store = SqliteStore::open(SqliteOptions {
        path: Location::File(folder.join("laneway.db")),
        durability: Durability::Os,
        clock: Arc::new(SystemClock),
    })?;
    let cpu = writer_cpu();
    enqueue_all(&store, jobs, batch).await?;
    claim_and_settle_all(&store, jobs, batch).await?;
    let cpu = writer_cpu().saturating_sub(cpu);
    report("writer CPU a job", format!("{:.1} µs", cpu.as_secs_f64() * 1e6 / jobs as f64));
    single_enqueues(&store).await?;
    for (name, value) in store.health().await?.facts {
        report(&name, value);
    }
    Ok(())
}

fn new_job(policy: &Arc<Policy>) -> Result<NewJob, Error> {
    Ok(NewJob {
        id: JobId::new(SystemClock.now(), fastrand::u128(..)),
        task: TaskName::new("bench.nothing")?,
        queue: QueueName::default_queue(),
        lane: Lane::Async,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: policy.clone(),
        limit: None,
        args: Payload(vec![7; 100]),
    })
}

async fn enqueue_all(store: &SqliteStore, jobs: usize, batch: usize) -> Result<(), Error> {
    let policy = Arc::new(Policy::default());
    let started = Instant::now();
    for _ in 0..jobs / batch {
        let jobs = (0..batch).map(|_| new_job(&policy)).collect::<Result<Vec<_>, _>>()?;
        store.enqueue(jobs).await?;
    }
    pace("enqueue", jobs, started);
    Ok(())
}

async fn claim_and_settle_all(store: &SqliteStore, jobs: usize, batch: usize) -> Result<(), Error> {
    let session = SessionId::new(SystemClock.now(), fastrand::u128(..));
    let lease = Duration::from_secs(3_600);
    store.open_session(OpenSession { session, worker: String::from("bench"), lease }).await?;
    let timing = Timing { wall: Duration::from_micros(50), cpu: None };
    let queues: Arc<[QueueName]> = Arc::from([QueueName::default_queue()]);
    let started = Instant::now();
    for call in 0.. {
        let slots = vec![LaneSlots { lane: Lane::Async, count: batch }];
        let claim = Claim { session, call, queues: queues.clone(), slots };
        let claimed = store.claim(claim).await?;
        if claimed.jobs.is_empty() {
            break;
        }
        let entries = claimed.jobs.into_iter().map(|job| Settlement {
            job: job.id,
            token: job.token,
            outcome: Outcome::Succeed(Payload(vec![1; 8])),
            timing: Some(timing),
        });
        store.settle(Settle { session, entries: entries.collect() }).await?;
    }
    pace("claim and settle", jobs, started);
    Ok(())
}

async fn single_enqueues(store: &SqliteStore) -> Result<(), Error> {
    let policy = Arc::new(Policy::default());
    let mut trips = Vec::new();
    for _ in 0..20_000 {
        let job = new_job(&policy)?;
        let started = Instant::now();
        store.enqueue(vec![job]).await?;
        trips.push(started.elapsed());
    }
    trips.sort_unstable();
    let share = |part: usize| trips.get(trips.len() * part / 1_000).copied().unwrap_or_default();
    report("single enqueue p50", format!("{:?}", share(500)));
    report("single enqueue p99", format!("{:?}", share(990)));
    report("single enqueue max", format!("{:?}", trips.last().copied().unwrap_or_default()));
    Ok(())
}

fn pace(name: &str, jobs: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    report(name, format!("{:.0} jobs/s", jobs as f64 / seconds));
}

fn report(name: &str, value: impl std::fmt::Display) {
    println!("{name:>20}  {value}");
}

/// The CPU time of the thread that writes, as Linux counts it.
fn writer_cpu() -> Duration {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_writer = threads.filter_map(|thread| {
        let name = fs::read_to_string(thread.path().join("comm")).ok()?;
        let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanos = times.split_whitespace().next()?.parse().ok()?;
        (name.trim() == "laneway-write").then(|| Duration::from_nanos(nanos))
    });
    of_writer.sum()
}
