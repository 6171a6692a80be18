//! What can only be provoked from inside: a full disk, and requests that share a transaction.

use std::sync::mpsc::{Sender, channel};

use laneway_core::error::Code;
use laneway_core::job::{Lane, Payload, Priority, State, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::Due;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::clock::SystemClock;

/// A store whose database may have so many pages, as on a small disk.
fn open_small(folder: &TempDir, pages_max: u32) -> SqliteStore {
    let location = Location::File(folder.path().join("laneway.db"));
    let connection = open_writer(&location, Durability::Os).unwrap();
    let limit = format!("PRAGMA max_page_count = {pages_max}");
    let _: u32 = connection.query_row(&limit, [], |row| row.get(0)).unwrap();
    SqliteStore::assemble(connection, location, Durability::Os, Arc::new(SystemClock)).unwrap()
}

fn job(task: &str, bytes: usize) -> NewJob {
    NewJob {
        id: JobId::new(SystemClock.now(), fastrand::u128(..)),
        task: TaskName::new(task).unwrap(),
        queue: QueueName::default_queue(),
        lane: Lane::Async,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: Arc::new(Policy::default()),
        limit: None,
        args: Payload(vec![7; bytes]),
    }
}

async fn ready_jobs(store: &SqliteStore) -> u64 {
    store.queues().await.unwrap().iter().map(|queue| queue.counts.ready).sum()
}

/// Keeps the writer's thread busy until the answer is used or dropped.
async fn hold(store: &SqliteStore, requests: &mut JoinSet<()>) -> Sender<()> {
    let (release, released) = channel::<()>();
    let (started, begun) = tokio::sync::oneshot::channel();
    let store = store.clone();
    requests.spawn(async move {
        let mut started = Some(started);
        let wait = move |_: &mut crate::transaction::Tx<'_>| {
            if let Some(started) = started.take() {
                started.send(()).unwrap();
            }
            assert!(released.recv().is_err(), "it is let go by dropping the sender");
            Ok(())
        };
        store.0.writer.run(1, wait).await.unwrap();
    });
    begun.await.unwrap();
    release
}

#[tokio::test]
async fn a_full_disk_refuses_what_is_new_and_keeps_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_small(&folder, 300);
    let mut acknowledged = Vec::new();
    let refusal = loop {
        let new = job("app.task", 10_000);
        let id = new.id;
        match store.enqueue(vec![new]).await {
            Ok(_) => acknowledged.push(id),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 300, "the disk never becomes full");
    };
    assert_eq!(refusal.code(), Code::StoreFull);
    assert!(refusal.is_retryable());
    assert!(refusal.what().contains("laneway.db"), "{refusal}");
    assert_eq!(ready_jobs(&store).await, acknowledged.len() as u64);

    drop(store);
    let store = open_small(&folder, 3_000);
    for id in acknowledged {
        assert_eq!(store.job(id).await.unwrap().unwrap().state, State::Ready);
    }
    store.enqueue(vec![job("app.task", 10_000)]).await.unwrap();
}

/// The requests of one group share a transaction: the failure of one must not reach the others, and
/// a name that only the failed one had used must not be taken for stored.
#[tokio::test]
async fn a_request_that_fails_does_not_harm_those_committed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_small(&folder, 200);
    let mut requests = JoinSet::new();
    let release = hold(&store, &mut requests).await;
    let mut small = Vec::new();
    for number in 0..20 {
        let is_huge = number == 10;
        let new = job(if is_huge { "app.huge" } else { "app.small" }, 10);
        let args = if is_huge { Payload(vec![7; 5_000_000]) } else { new.args.clone() };
        let new = NewJob { args, ..new };
        if !is_huge {
            small.push(new.id);
        }
        let store = store.clone();
        requests.spawn(async move {
            let answer = store.enqueue(vec![new]).await;
            match answer {
                Ok(answers) => assert!(answers[0].created && !is_huge),
                Err(error) => assert!(is_huge && error.code() == Code::StoreFull, "{error}"),
            }
        });
    }
    tokio::task::yield_now().await;
    drop(release);
    while let Some(request) = requests.join_next().await {
        request.unwrap();
    }
    for id in small {
        assert_eq!(store.job(id).await.unwrap().unwrap().task.as_str(), "app.small");
    }
    let again = job("app.huge", 10);
    let id = again.id;
    store.enqueue(vec![again]).await.unwrap();
    assert_eq!(store.job(id).await.unwrap().unwrap().task.as_str(), "app.huge");
}

#[tokio::test]
async fn requests_that_wait_together_are_committed_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_small(&folder, 10_000);
    let version = |store: &SqliteStore| {
        let Location::File(file) = store.0.location.clone() else { panic!("it is in a file") };
        crate::open::open_reader(&file).unwrap()
    };
    let observer = version(&store);
    let mut bells = Vec::new();
    bells.push(Bell::read(&observer).unwrap().ready);
    let mut requests = JoinSet::new();
    let release = hold(&store, &mut requests).await;
    for _ in 0..50 {
        let store = store.clone();
        requests.spawn(async move {
            store.enqueue(vec![job("app.task", 10)]).await.unwrap();
        });
    }
    tokio::task::yield_now().await;
    drop(release);
    while let Some(request) = requests.join_next().await {
        request.unwrap();
    }
    bells.push(Bell::read(&observer).unwrap().ready);
    assert_eq!(ready_jobs(&store).await, 50);
    assert!(bells[1] - bells[0] <= 2, "50 requests took {} commits", bells[1] - bells[0]);
}
