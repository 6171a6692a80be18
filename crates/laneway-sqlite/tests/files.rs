//! What the store says of files that are missing, foreign, damaged or locked.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests fail like the tests themselves"
)]

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::id::SessionId;
use laneway_core::job::{Lane, State};
use laneway_core::store::{
    Durability, ListJobs, OpenSession, Prune, RegisterTasks, Registry, RenewSession, Store, Sweep,
};
use laneway_core::verdict::{Form, TaskFacts};
use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};
use laneway_testkit::block_on::block_on;
use rusqlite::Connection;

#[path = "support/jobs.rs"]
mod jobs;

fn open(file: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(SqliteOptions {
        path: Location::File(file.to_path_buf()),
        durability: Durability::Os,
        clock: Arc::new(SystemClock),
    })
}

/// The refusal to open; it names the file.
fn refusal(file: &Path) -> Error {
    let error = open(file).map(drop).unwrap_err();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(error.what().contains(name), "{error}");
    assert!(!error.reason().is_empty() && !error.remedy().is_empty(), "{error}");
    error
}

/// Makes a store with so many jobs and closes it.
fn make(file: &Path, count: usize) {
    let store = open(file).unwrap();
    block_on(store.enqueue(jobs::plain(count))).unwrap();
}

#[test]
fn a_missing_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("some/where/laneway.db");
    make(&file, 1);
    assert!(file.is_file());
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    fs::write(&file, b"").unwrap();
    make(&file, 1);
}

#[test]
fn closing_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let store = open(&file).unwrap();
    let watch = block_on(store.watch()).unwrap();
    block_on(store.enqueue(jobs::plain(3))).unwrap();
    assert!(block_on(store.job(jobs::plain(1)[0].id)).unwrap().is_none());
    drop(store);
    drop(watch);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [file]);
}

#[test]
fn random_bytes_are_not_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let bytes: Vec<u8> = (0..20_000).map(|_| fastrand::u8(..)).collect();
    fs::write(&file, &bytes).unwrap();
    assert_eq!(refusal(&file).code(), Code::StoreCorrupt);
    assert_eq!(fs::read(&file).unwrap(), bytes, "it is left as it was");
}

#[test]
fn a_truncated_database_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    make(&file, 1_000);
    let length = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
    assert_eq!(refusal(&file).code(), Code::StoreCorrupt);
}

#[test]
fn pages_full_of_nonsense_are_reported_and_not_taken_for_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    make(&file, 1_000);
    let mut handle = fs::OpenOptions::new().write(true).read(true).open(&file).unwrap();
    let length = handle.metadata().unwrap().len();
    handle.seek(SeekFrom::Start(4_096)).unwrap();
    handle.write_all(&vec![0xA5; usize::try_from(length).unwrap() - 4_096]).unwrap();
    drop(handle);
    let code = match open(&file) {
        Err(error) => error.code(),
        Ok(store) => {
            let list = ListJobs { jobs_max: 10, ..ListJobs::default() };
            block_on(store.list_jobs(list)).unwrap_err().code()
        }
    };
    assert_eq!(code, Code::StoreCorrupt);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE album (title TEXT)").unwrap();
    drop(other);
    let before = fs::read(&file).unwrap();
    assert_eq!(refusal(&file).code(), Code::StoreCorrupt);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    make(&file, 1);
    Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = refusal(&file);
    assert_eq!(error.code(), Code::StoreTooNew);
    assert!(error.reason().contains("99"), "{error}");
}

#[test]
fn a_store_of_the_first_schema_is_brought_up_to_date_with_all_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(include_str!("fixtures/schema_1.dump")).unwrap();
    old.execute_batch("PRAGMA application_id = 0x4C414E45; PRAGMA user_version = 1").unwrap();
    drop(old);

    let store = open(&file).unwrap();
    let list = ListJobs { jobs_max: 10, ..ListJobs::default() };
    let jobs = block_on(store.list_jobs(list)).unwrap().jobs;
    let states: Vec<_> = jobs.iter().rev().map(|job| (job.task.as_str(), job.state)).collect();
    let expected = [
        ("shop.greet", State::Succeeded),
        ("shop.broken", State::Failed),
        ("shop.greet", State::Ready),
        ("shop.mail", State::Ready),
        ("shop.mail", State::Ready),
        ("shop.later", State::Scheduled),
    ];
    assert_eq!(states, expected);
    assert_eq!(block_on(store.registry()).unwrap(), Registry::default());
    let register = RegisterTasks {
        application: "shop:app".to_owned(),
        tasks: [(jobs[0].task.clone(), TaskFacts::new(Form::AsyncDef, Lane::Async))].into(),
        calibration: None,
        take_over: false,
    };
    assert_eq!(block_on(store.register_tasks(register)).unwrap(), []);
    assert_eq!(block_on(store.registry()).unwrap().tasks.len(), 1);
    let added = block_on(store.enqueue(jobs::plain(3))).unwrap();
    assert!(added.iter().all(|job| job.created));
}

#[test]
fn a_folder_is_not_a_database() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refusal(folder.path()).code(), Code::StoreUnavailable);
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let below = open(&file.join("laneway.db")).map(drop).unwrap_err();
    assert_eq!(below.code(), Code::StoreUnavailable);
}

/// Waits ten seconds: so long the store tries to get the lock.
#[test]
fn a_database_that_stays_locked_is_reported_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let store = open(&file).unwrap();
    let browser = Connection::open(&file).unwrap();
    browser.execute_batch("BEGIN IMMEDIATE").unwrap();
    let new = jobs::plain(1);
    let id = new[0].id;
    let error = block_on(store.enqueue(new.clone())).unwrap_err();
    assert_eq!(error.code(), Code::StoreLocked);
    assert!(error.is_retryable());
    assert!(block_on(store.job(id)).unwrap().is_none(), "a read does not wait for the lock");
    browser.execute_batch("ROLLBACK").unwrap();
    assert!(block_on(store.enqueue(new)).unwrap()[0].created);
}

/// A worker that was suspended in the middle of a write must not keep a person from looking.
#[test]
fn a_database_that_stays_locked_is_opened_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    make(&file, 3);
    let suspended = Connection::open(&file).unwrap();
    suspended.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = open(&file).unwrap();
    assert_eq!(block_on(store.queues()).unwrap()[0].counts.total(), 3);
    let list = ListJobs { jobs_max: 10, ..ListJobs::default() };
    assert_eq!(block_on(store.list_jobs(list)).unwrap().jobs.len(), 3);
}

#[test]
fn a_lock_that_is_let_go_in_time_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let store = open(&file).unwrap();
    let browser = Connection::open(&file).unwrap();
    browser.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (about_to_call, called) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        about_to_call.send(()).unwrap();
        block_on(store.enqueue(jobs::plain(1))).unwrap()
    });
    called.recv().unwrap();
    browser.execute_batch("COMMIT").unwrap();
    assert!(writer.join().unwrap()[0].created);
}

#[test]
fn pruning_gives_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let store = open(&file).unwrap();
    let new: Vec<_> = (0..6).flat_map(|_| jobs::with_args(500, 4_000)).collect();
    let ids: Vec<_> = new.iter().map(|job| job.id).collect();
    for batch in new.chunks(500) {
        block_on(store.enqueue(batch.to_vec())).unwrap();
    }
    block_on(store.cancel(ids)).unwrap();
    let prune = Prune { older_than: std::time::Duration::ZERO, jobs_max: 1_000 };
    let mut pruned = 0;
    while pruned < 3_000 {
        let now = block_on(store.prune(prune)).unwrap();
        assert!(now > 0, "{pruned} of 3000 pruned");
        pruned += now;
    }
    for _ in 0..3 {
        block_on(store.prune(prune)).unwrap();
    }
    let facts = block_on(store.health()).unwrap().facts;
    let fact = |name: &str| -> u64 {
        facts.iter().find(|(known, _)| known == name).unwrap().1.parse().unwrap()
    };
    assert_eq!(fact("jobs"), 0);
    assert!(fact("pages") < 2_500, "{facts:?}");
    block_on(store.sweep(Sweep { jobs_max: 10 })).unwrap();
}

#[test]
fn health_tells_what_a_person_needs_at_night() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    make(&file, 7);
    let health = block_on(open(&file).unwrap().health()).unwrap();
    let fact = |name: &str| health.facts.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!(fact("jobs"), "7");
    assert_eq!(fact("journal"), "wal");
    assert_eq!(fact("durability"), "os");
    assert!(fact("store").ends_with("laneway.db"));
    assert!(health.warnings.is_empty(), "{:?}", health.warnings);
}

/// `file(1)` and backup tools tell a Laneway database by these bytes.
#[test]
fn the_database_file_begins_as_sqlite_documents_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    make(&file, 1);
    let mut head = [0; 72];
    fs::File::open(&file).unwrap().read_exact(&mut head).unwrap();
    assert_eq!(&head[..16], b"SQLite format 3\0");
    assert_eq!(&head[68..72], b"LANE");
}

/// A worker that runs while a newer one migrates the file has to hear of it, and to
/// keep its lease until what it runs has ended.
#[test]
fn a_renewal_extends_the_lease_and_tells_that_the_schema_is_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("laneway.db");
    let store = open(&file).unwrap();
    let session = SessionId::from_bits(7);
    let lease = Duration::from_secs(600);
    let opened = OpenSession { session, worker: String::from("test"), lease };
    block_on(store.open_session(opened)).unwrap();
    let beat = |lease| {
        let renewal = RenewSession { session, lease, condition: String::new() };
        block_on(store.renew_session(renewal)).unwrap().outdated
    };
    assert_eq!(beat(lease), None);
    let newer = Connection::open(&file).unwrap();
    newer.busy_timeout(Duration::from_secs(10)).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    let before = block_on(store.sessions()).unwrap()[0].expires_at;
    let error = beat(2 * lease).unwrap();
    assert_eq!(error.code(), Code::StoreTooNew, "{error}");
    assert!(error.reason().contains("99"), "{error}");
    assert!(block_on(store.sessions()).unwrap()[0].expires_at > before);
}
