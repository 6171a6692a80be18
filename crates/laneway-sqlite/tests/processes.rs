//! Several processes on one database: what one acknowledges survives its death, and what one does
//! wakes the other.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of these tests fail like the tests themselves"
)]

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use laneway_core::clock::Clock;
use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Lane, Payload, QueueName, State};
use laneway_core::store::{
    Claim, ClaimedJob, Durability, LaneSlots, OpenSession, Outcome, Settle, Settlement, Store,
    Watch,
};
use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};
use laneway_testkit::block_on::block_on;

#[path = "support/child.rs"]
mod child;
#[path = "support/jobs.rs"]
mod jobs;

fn open(file: &Path) -> SqliteStore {
    try_open(file).unwrap()
}

fn try_open(file: &Path) -> Result<SqliteStore, Error> {
    let path = Location::File(file.to_path_buf());
    let clock = Arc::new(SystemClock);
    SqliteStore::open(SqliteOptions { path, durability: Durability::Os, clock })
}

async fn open_session(store: &SqliteStore) -> SessionId {
    let session = SessionId::new(SystemClock.now(), fastrand::u128(..));
    let lease = Duration::from_secs(60);
    let open = OpenSession { session, worker: String::from("test"), lease };
    store.open_session(open).await.unwrap();
    session
}

async fn claim(store: &SqliteStore, session: SessionId, count: usize) -> Vec<ClaimedJob> {
    let slots = vec![LaneSlots { lane: Lane::Async, count }];
    let queues = Arc::from([QueueName::default_queue()]);
    let call = fastrand::u64(..);
    store.claim(Claim { session, call, queues, slots }).await.unwrap().jobs
}

async fn succeed(store: &SqliteStore, session: SessionId, jobs: &[ClaimedJob]) {
    let entries = jobs.iter().map(|job| Settlement {
        job: job.id,
        token: job.token,
        outcome: Outcome::Succeed(Payload(b"ok".to_vec())),
        timing: None,
    });
    let entries = entries.collect();
    store.settle(Settle { session, entries }).await.unwrap();
}

/// The child is killed without a warning, in the middle of whatever it does. What it had told as
/// acknowledged must be there, each job once, each result recorded.
#[test]
fn a_killed_process_takes_no_acknowledged_work_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let (mut enqueued, mut settled) = (BTreeSet::new(), BTreeSet::new());
    for round in 1..=6_usize {
        let mut child = child::start("child_that_works");
        child.say(file.to_str().unwrap());
        for _ in 0..round * 40 {
            note(&child.hear("done "), &mut enqueued, &mut settled);
        }
        child.kill();
        while let Some(line) = child.try_hear("done ") {
            note(&line, &mut enqueued, &mut settled);
        }
    }
    assert!(enqueued.len() > 500 && settled.len() > 100, "{} {}", enqueued.len(), settled.len());
    let store = open(&file);
    for id in &enqueued {
        let record = block_on(store.job(*id)).unwrap();
        let record = record.unwrap_or_else(|| panic!("job {id} was acknowledged and is lost"));
        assert_eq!(record.args.0.len(), 100);
        if settled.contains(id) {
            assert_eq!(record.state, State::Succeeded);
            assert_eq!(record.result, Some(Payload(b"ok".to_vec())));
        }
    }
    let counts = block_on(store.queues()).unwrap()[0].counts;
    assert!(counts.total() >= enqueued.len() as u64);
    assert!(counts.succeeded >= settled.len() as u64);
}

fn note(line: &str, enqueued: &mut BTreeSet<JobId>, settled: &mut BTreeSet<JobId>) {
    let (what, ids) = line.split_once(' ').unwrap();
    let ids = ids.split(' ').map(|id| id.parse::<JobId>().unwrap());
    match what {
        "enqueued" => enqueued.extend(ids),
        "settled" => settled.extend(ids),
        other => panic!("the child says {other}"),
    }
}

#[test]
#[ignore = "run as a child process by a test of this file"]
fn child_that_works() {
    let store = open(Path::new(&child::parent_says()));
    let tell = |what: &str, ids: Vec<JobId>| {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        if !ids.is_empty() {
            child::tell(&format!("done {what} {}", ids.join(" ")));
        }
    };
    block_on(async {
        let session = open_session(&store).await;
        loop {
            let new = jobs::plain(fastrand::usize(1..20));
            let ids = new.iter().map(|job| job.id).collect();
            store.enqueue(new).await.unwrap();
            tell("enqueued", ids);
            let taken = claim(&store, session, fastrand::usize(1..10)).await;
            succeed(&store, session, &taken).await;
            tell("settled", taken.iter().map(|job| job.id).collect());
        }
    });
}

#[test]
fn a_new_job_wakes_another_process_and_its_end_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let store = open(&file);
    let mut watch = block_on(store.watch()).unwrap();
    let mut child = child::start("child_that_waits_for_jobs");
    child.say(file.to_str().unwrap());
    child.hear("watching");
    for _ in 0..50 {
        let new = jobs::plain(1);
        let id = new[0].id;
        block_on(store.enqueue(new)).unwrap();
        let mut ended = Vec::new();
        while ended.is_empty() {
            let wake = block_on(watch.next()).unwrap();
            assert!(!wake.finished_others, "jobs of another process are named");
            ended = wake.finished;
        }
        assert_eq!(ended, [id], "each end is told once");
        assert_eq!(block_on(store.finished(ended)).unwrap()[0].state, State::Succeeded);
    }
}

#[test]
#[ignore = "run as a child process by a test of this file"]
fn child_that_waits_for_jobs() {
    let store = open(Path::new(&child::parent_says()));
    block_on(async {
        let session = open_session(&store).await;
        let mut watch = store.watch().await.unwrap();
        child::tell("watching");
        loop {
            while !watch.next().await.unwrap().ready {}
            let taken = claim(&store, session, 10).await;
            succeed(&store, session, &taken).await;
        }
    });
}

#[test]
fn processes_that_write_at_once_all_get_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let mut children: Vec<_> = (0..3).map(|_| child::start("child_that_enqueues")).collect();
    // All of them make the database at the same moment.
    for child in &mut children {
        child.say(file.to_str().unwrap());
    }
    for child in &mut children {
        assert_eq!(child.hear("enqueued "), "2000");
    }
    let queues = block_on(open(&file).queues()).unwrap();
    assert_eq!(queues[0].counts.ready, 6_000);
}

#[test]
#[ignore = "run as a child process by a test of this file"]
fn child_that_enqueues() {
    let store = open(Path::new(&child::parent_says()));
    for _ in 0..200 {
        block_on(store.enqueue(jobs::plain(10))).unwrap();
    }
    child::tell("enqueued 2000");
}

/// Root may write everywhere, so a child without its rights does the looking.
#[test]
fn a_file_that_may_not_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    drop(open(&file));
    fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    let mut child = child::start_without_power("child_that_opens");
    child.say(file.to_str().unwrap());
    assert_eq!(child.hear("answer "), "LW1005");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
}

#[test]
#[ignore = "run as a child process by a test of this file"]
fn child_that_opens() {
    let file = child::parent_says();
    let answer = match try_open(Path::new(&file)) {
        Ok(_) => String::from("opened"),
        Err(error) => error.code().to_string(),
    };
    child::tell(&format!("answer {answer}"));
}
