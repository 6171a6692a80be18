//! How tests get at an embedded store.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::id::JobId;
use laneway_core::store::Durability;
use laneway_sqlite::{Location, SqliteOptions, SqliteStore};
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::{
    BEYOND_ONE_PROCESS, COUNTERS_FULL, Harness, JOB_GONE, LIMIT_GONE, LIMIT_SPENT,
};
use tempfile::TempDir;

/// A store in a file of its own.
pub(crate) struct InFile {
    folder: TempDir,
    clock: SimClock,
    store: SqliteStore,
}

impl InFile {
    fn at(folder: TempDir, clock: SimClock) -> Self {
        let store = open(Location::File(folder.path().join("laneway.db")), &clock);
        Self { folder, clock, store }
    }
}

impl Harness for InFile {
    type Store = SqliteStore;

    const DAMAGES: &'static [&'static str] =
        &["task's name", "missing task", "policy", "missing policy"];

    fn open(clock: SimClock) -> Self {
        Self::at(tempfile::tempdir().unwrap(), clock)
    }

    fn store(&self) -> SqliteStore {
        self.store.clone()
    }

    fn open_second(&self) -> Option<SqliteStore> {
        Some(open(Location::File(self.folder.path().join("laneway.db")), &self.clock))
    }

    fn reopen(self) -> Option<Self> {
        drop(self.store);
        Some(Self::at(self.folder, self.clock))
    }

    /// The rows of tasks and policies are shared, so the job gets one of its own first. The numbers
    /// of earlier rows are not used again: what is known of them is remembered.
    fn damage(&self, job: JobId, way: &str) {
        let file = rusqlite::Connection::open(self.folder.path().join("laneway.db")).unwrap();
        file.busy_timeout(Duration::from_secs(10)).unwrap();
        let wound = match way {
            LIMIT_GONE => Some("DELETE FROM gate WHERE id = (SELECT gate FROM job WHERE id = ?1)"),
            LIMIT_SPENT => Some(SPEND_LIMIT),
            COUNTERS_FULL => Some(FILL_COUNTERS),
            JOB_GONE => Some("DELETE FROM job WHERE id = ?1"),
            _ => None,
        };
        if let Some(sql) = wound {
            assert_eq!(file.execute(sql, [job.bits().to_be_bytes()]).unwrap(), 1);
            return;
        }
        let text = format!("{job}\n");
        let missing = i64::MAX - 1;
        let (table, row) = match way {
            "task's name" => ("task", add(&file, "INSERT INTO task (name) VALUES (?1)", &text)),
            "policy" => {
                ("policy", add(&file, "INSERT INTO policy (body) VALUES (?1)", text.as_bytes()))
            }
            "missing task" => ("task", missing),
            "missing policy" => ("policy", missing),
            other => panic!("there is no way `{other}`"),
        };
        let sql = format!("UPDATE job SET {table} = ?1 WHERE id = ?2");
        assert_eq!(file.execute(&sql, (row, job.bits().to_be_bytes())).unwrap(), 1);
    }
}

const SPEND_LIMIT: &str = "UPDATE gate SET tat = 2000000000000000
    WHERE id = (SELECT gate FROM job WHERE id = ?1)";

const FILL_COUNTERS: &str = "UPDATE running SET failures = 9223372036854775807,
    interrupts = 9223372036854775807, handbacks = 9223372036854775807 WHERE id = ?1";

fn add(file: &rusqlite::Connection, sql: &str, value: impl rusqlite::ToSql) -> i64 {
    assert_eq!(file.execute(sql, [value]).unwrap(), 1);
    file.last_insert_rowid()
}

/// A store in memory.
pub(crate) struct InMemory(SqliteStore);

impl Harness for InMemory {
    type Store = SqliteStore;

    const EXCEPTIONS: &'static [&'static str] = BEYOND_ONE_PROCESS;

    fn open(clock: SimClock) -> Self {
        Self(open(Location::Memory, &clock))
    }

    fn store(&self) -> SqliteStore {
        self.0.clone()
    }
}

fn open(path: Location, clock: &SimClock) -> SqliteStore {
    let options =
        SqliteOptions { path, durability: Durability::Os, clock: Arc::new(clock.clone()) };
    SqliteStore::open(options).unwrap()
}
