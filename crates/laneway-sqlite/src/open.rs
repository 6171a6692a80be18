//! Opening the database: where it is, how it is set up, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use laneway_core::clock::Clock;
use laneway_core::error::{Code, Error};
use laneway_core::store::Durability;
use rusqlite::{Connection, OpenFlags};

use crate::fault::{Fault, Result, file_error};
use crate::schema::{self, Kind};
use crate::writer::patiently;

/// Where the jobs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a file; it and its folder are made when they are missing.
    File(PathBuf),
    /// In this process's memory, private to this store and its clones.
    Memory,
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Where the jobs are.
    pub path: Location,
    /// What survives of an acknowledged write; a store in memory has [`Durability::Memory`] anyway.
    pub durability: Durability,
    /// The clock that decides leases, due times and limits.
    pub clock: Arc<dyn Clock>,
}

/// Versions before this have a bug by which a write-ahead log can lose committed transactions.
const LIBRARY_MIN: i32 = 3_051_003;

/// Pages of 8 KiB would save 4 % CPU in large batches, but double what a single enqueue writes.
const PAGE_BYTES: u32 = 4_096;

/// The write-ahead log is copied into the database after so many pages (16 MiB). The writer does
/// it: a thread beside it cannot catch up with a busy writer, and its flushes hold the writer up
/// anyway (measured: logs of 400 MB and waits of 300 ms instead of 20 ms).
const CHECKPOINT_PAGES: u32 = 4_096;

/// A log that grew beyond this while a reader held it up is cut back.
const LOG_BYTES_MAX: u32 = 64 * 1_024 * 1_024;

/// Statements that a connection keeps prepared: more than this crate has.
const STATEMENTS_MAX: usize = 128;

/// The number behind `PRAGMA synchronous`.
pub(crate) const fn synchronous(durability: Durability) -> u8 {
    match durability {
        Durability::Memory => 0,
        Durability::Os => 1,
        Durability::Fsync => 2,
    }
}

/// Opens the connection that writes, and makes or migrates the tables.
pub(crate) fn open_writer(path: &Location, durability: Durability) -> Result<Connection> {
    refuse_old_library()?;
    let connection = match path {
        Location::Memory => Connection::open_in_memory()?,
        Location::File(file) => open_file(file)?,
    };
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // The retries of `patiently` are fairer than SQLite's, which double their waits.
    connection.busy_timeout(std::time::Duration::ZERO)?;
    let shown = path.to_string();
    let kind = patiently(|| schema::inspect(&connection, &shown))?;
    if connection.is_readonly("main")? {
        return Err(Error::new(
            Code::StoreReadOnly,
            format!("the database `{shown}` is read-only"),
        )
        .why("the file, its folder or its file system does not allow this user to write")
        .into());
    }
    if kind == Kind::Empty {
        let layout = format!("PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL");
        // Another process may be making the same database at this moment.
        patiently(|| Ok(connection.execute_batch(&layout)?))?;
    }
    if matches!(path, Location::File(_)) {
        patiently(|| use_log(&connection, &shown))?;
    }
    let settings = format!(
        "PRAGMA synchronous = {};
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA journal_size_limit = {LOG_BYTES_MAX};
         PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384;",
        synchronous(durability),
    );
    patiently(|| Ok(connection.execute_batch(&settings)?))?;
    // Whoever only reads gets by without the lock, which another process may keep for long.
    if kind != Kind::Ours(schema::version()) {
        patiently(|| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let migrated = schema::migrate(&connection, &shown);
            let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
            connection.execute_batch(end)?;
            migrated
        })?;
    }
    Ok(connection)
}

/// Opens a further connection to a database that the writer has made, for reading.
pub(crate) fn open_reader(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A reader waits only for the moment in which another process recovers or resets the log.
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;",
    )?;
    Ok(connection)
}

fn refuse_old_library() -> Result<()> {
    if rusqlite::version_number() >= LIBRARY_MIN {
        return Ok(());
    }
    Err(Error::new(
        Code::StoreLibraryTooOld,
        format!("SQLite {} cannot be trusted with a write-ahead log", rusqlite::version()),
    )
    .why("before 3.51.3 a reset of the log can lose committed transactions")
    .into())
}

fn open_file(file: &Path) -> Result<Connection> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| file_error(&error, folder))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(file, flags)?)
}

fn use_log(connection: &Connection, path: &str) -> Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(Fault::Known(
        Error::new(Code::StoreUnavailable, format!("`{path}` cannot have a write-ahead log"))
            .why(format!(
                "SQLite keeps journal mode `{mode}`; a network file system cannot share memory"
            ))
            .fix("put the database on a local disk"),
    ))
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Memory => f.write_str(":memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pragma(connection: &Connection, name: &str) -> String {
        let value = connection.query_row(&format!("PRAGMA {name}"), [], |row| {
            row.get::<_, rusqlite::types::Value>(0)
        });
        match value.unwrap() {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => panic!("{name} is {other:?}"),
        }
    }

    #[test]
    fn the_bundled_library_can_be_trusted() {
        refuse_old_library().unwrap();
    }

    #[test]
    fn a_durability_sets_how_commits_are_flushed() {
        for (durability, expected) in
            [(Durability::Memory, "0"), (Durability::Os, "1"), (Durability::Fsync, "2")]
        {
            let folder = tempfile::tempdir().unwrap();
            let file = Location::File(folder.path().join("laneway.db"));
            let connection = open_writer(&file, durability).unwrap();
            assert_eq!(pragma(&connection, "synchronous"), expected, "{durability:?}");
            assert_eq!(pragma(&connection, "journal_mode"), "wal");
            assert_eq!(pragma(&connection, "foreign_keys"), "0");
            assert_eq!(pragma(&connection, "auto_vacuum"), "2");
            assert_eq!(pragma(&connection, "page_size"), PAGE_BYTES.to_string());
            assert_eq!(pragma(&connection, "application_id"), schema::APPLICATION_ID.to_string());
            assert_eq!(pragma(&connection, "user_version"), schema::version().to_string());
        }
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("laneway.db");
        let writer = open_writer(&Location::File(file.clone()), Durability::Os).unwrap();
        let reader = open_reader(&file).unwrap();
        assert!(reader.execute("DELETE FROM job", []).is_err());
        drop(writer);
    }
}
