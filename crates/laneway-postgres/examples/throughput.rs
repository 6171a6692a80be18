//! How many jobs a second go through the store alone, and whether that lasts while an old snapshot
//! keeps every dead row.
//!
//! `cargo run --release -p laneway-postgres --example throughput -- URL [SECONDS] [pin]` enqueues
//! all the time from one task and claims and settles from two others, as two workers would.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that fails has no result"
)]
#![expect(clippy::print_stdout, reason = "the result is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a measurement takes real time")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use laneway_core::clock::Timestamp;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Lane, Payload, Priority, QueueName, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{
    Claim, Due, LaneSlots, NewJob, OpenSession, Outcome, Settle, Settlement, Store, Timing,
};
use laneway_postgres::{PostgresOptions, PostgresStore};

const BATCH: usize = 500;
const AHEAD_MAX: u64 = 20_000;

#[derive(Default)]
struct Progress {
    added: AtomicU64,
    done: AtomicU64,
    is_over: AtomicBool,
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of a server");
    let seconds: u64 = arguments.next().map_or(10, |text| text.parse().unwrap());
    let pins = arguments.next().is_some_and(|word| word == "pin");
    let mark = if url.contains('?') { '&' } else { '?' };
    let schema = format!("laneway_throughput_{:08x}", fastrand::u32(..));
    let options = PostgresOptions::parse(&format!("{url}{mark}schema={schema}")).unwrap();
    let store = PostgresStore::connect(options).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    if pins {
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
    }
    let progress = Arc::new(Progress::default());
    let mut work = tokio::task::JoinSet::new();
    work.spawn(produce(store.clone(), progress.clone()));
    for _ in 0..2 {
        work.spawn(consume(store.clone(), progress.clone()));
    }
    let started = Instant::now();
    let mut before = 0;
    while started.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let done = progress.done.load(Ordering::Relaxed);
        println!("{:>4.0} s  {:>7} jobs/s", started.elapsed().as_secs_f64(), (done - before) / 5);
        before = done;
    }
    progress.is_over.store(true, Ordering::Relaxed);
    while work.join_next().await.is_some() {}
    if pins {
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

async fn produce(store: PostgresStore, progress: Arc<Progress>) {
    let policy = Arc::new(Policy::default());
    while !progress.is_over.load(Ordering::Relaxed) {
        let ahead = progress.added.load(Ordering::Relaxed) - progress.done.load(Ordering::Relaxed);
        if ahead > AHEAD_MAX {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let job = |_| NewJob {
            id: JobId::new(now(), fastrand::u128(..)),
            task: TaskName::new("app.task").unwrap(),
            queue: QueueName::default_queue(),
            lane: Lane::Async,
            priority: Priority::default(),
            due: Due::Now,
            unique: None,
            policy: policy.clone(),
            limit: None,
            args: Payload(vec![7; 40]),
        };
        store.enqueue((0..1_000).map(job).collect()).await.unwrap();
        progress.added.fetch_add(1_000, Ordering::Relaxed);
    }
}

async fn consume(store: PostgresStore, progress: Arc<Progress>) {
    let session = SessionId::new(now(), fastrand::u128(..));
    let lease = Duration::from_secs(600);
    store.open_session(OpenSession { session, worker: "bench".into(), lease }).await.unwrap();
    let queues: Arc<[QueueName]> = Arc::new([QueueName::default_queue()]);
    let mut call = 0;
    while !progress.is_over.load(Ordering::Relaxed) {
        call += 1;
        let slots = vec![LaneSlots { lane: Lane::Async, count: BATCH }];
        let claim = Claim { session, call, queues: queues.clone(), slots };
        let jobs = store.claim(claim).await.unwrap().jobs;
        let count = jobs.len() as u64;
        let entries = jobs.into_iter().map(|job| Settlement {
            job: job.id,
            token: job.token,
            outcome: Outcome::Succeed(Payload(vec![1; 10])),
            timing: Some(Timing::default()),
        });
        let settle = Settle { session, entries: entries.collect() };
        if count == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        }
        store.settle(settle).await.unwrap();
        progress.done.fetch_add(count, Ordering::Relaxed);
    }
}
