//! How tests get at an embedded store.

use std::sync::Arc;

use laneway_core::store::Durability;
use laneway_sqlite::{Location, SqliteOptions, SqliteStore};
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::{BEYOND_ONE_PROCESS, Harness};
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
