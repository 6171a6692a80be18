//! The versions of the database's tables.

use laneway_core::error::{Code, Error};
use rusqlite::Connection;

use crate::fault::Result;

/// Marks a database as Laneway's: `LANE`.
pub(crate) const APPLICATION_ID: i32 = 0x4C41_4E45;

/// What makes version `n + 1` of version `n`, from an empty database on.
const MIGRATIONS: &[&str] = &[include_str!("schema/v1.sql"), include_str!("schema/v2.sql")];

/// The version that this build works with.
pub(crate) const fn version() -> usize {
    MIGRATIONS.len()
}

/// What a database file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It has no tables yet.
    Empty,
    /// It is Laneway's, with tables of this version.
    Ours(usize),
}

/// Looks whose database this is, without changing it.
///
/// # Errors
/// `LW1003` when it is another program's, `LW1004` when a newer Laneway made it.
pub(crate) fn inspect(connection: &Connection, path: &str) -> Result<Kind> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if tables == 0 && application == 0 && found == 0 {
        return Ok(Kind::Empty);
    }
    if application != APPLICATION_ID {
        return Err(Error::new(Code::StoreCorrupt, format!("`{path}` is not a Laneway database"))
            .why(format!(
                "it is an SQLite database of another program (tables and indexes: {tables})"
            ))
            .fix("point the store at a path of its own; Laneway has not changed this file")
            .into());
    }
    if found > version() {
        return Err(too_new(&format!("`{path}`"), found).into());
    }
    Ok(Kind::Ours(found))
}

fn too_new(what: &str, found: usize) -> Error {
    Error::new(Code::StoreTooNew, format!("{what} was written by a newer Laneway"))
        .why(format!("its schema has version {found}, this build knows {}", version()))
}

/// Whether a newer Laneway has migrated the tables since this process opened them.
pub(crate) fn outdated(connection: &Connection) -> Result<Option<Error>> {
    let mut question = connection.prepare_cached("PRAGMA user_version")?;
    let found: u32 = question.query_row([], |row| row.get(0))?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    Ok((found > version()).then(|| too_new("the database", found)))
}

/// Brings the tables to this build's version. The caller has begun a write transaction, so that of
/// several processes that open a new file at once only one makes the tables.
pub(crate) fn migrate(connection: &Connection, path: &str) -> Result<()> {
    let from = match inspect(connection, path)? {
        Kind::Empty => 0,
        Kind::Ours(found) => found,
    };
    let pending = MIGRATIONS.get(from..).unwrap_or_default();
    for migration in pending {
        connection.execute_batch(migration)?;
    }
    if !pending.is_empty() {
        connection.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}",
            version()
        ))?;
    }
    Ok(())
}
