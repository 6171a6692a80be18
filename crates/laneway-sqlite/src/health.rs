//! What `laneway doctor` shows of the database.

use std::fs;
use std::path::Path;

use laneway_core::store::{Durability, Health};
use rusqlite::Connection;

use crate::fault::Result;
use crate::open::Location;
use crate::schema;

/// A write-ahead log beyond this is not being copied into the database.
const LOG_BYTES_RISKY: u64 = 256 * 1_024 * 1_024;

/// File systems that cannot share memory between machines, by the number that Linux gives them.
const NETWORK: [(i64, &str); 4] =
    [(0x6969, "NFS"), (0x517B, "SMB"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB2")];

/// Gathers facts and warnings.
pub(crate) fn health(
    connection: &Connection,
    location: &Location,
    durability: Durability,
) -> Result<Health> {
    let number =
        |sql: &str| -> Result<i64> { Ok(connection.query_row(sql, [], |row| row.get(0))?) };
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let mut health = Health::default();
    let mut fact = |name: &str, value: String| health.facts.push((name.to_owned(), value));
    fact("store", location.to_string());
    fact("sqlite", rusqlite::version().to_owned());
    fact("schema", schema::version().to_string());
    fact("durability", format!("{durability:?}").to_lowercase());
    fact("journal", mode);
    fact("page bytes", number("PRAGMA page_size")?.to_string());
    fact("pages", number("PRAGMA page_count")?.to_string());
    fact("free pages", number("PRAGMA freelist_count")?.to_string());
    fact("jobs", number("SELECT coalesce(sum(jobs), 0) FROM census")?.to_string());
    let Location::File(file) = location else {
        return Ok(health);
    };
    let log = log_bytes(file);
    fact("log bytes", log.to_string());
    if log > LOG_BYTES_RISKY {
        health.warnings.push(format!(
            "the write-ahead log has {log} bytes: some process keeps a read open; close database \
             browsers and dashboards on this file"
        ));
    }
    if let Some(kind) = network(file) {
        health.warnings.push(format!(
            "the database is on {kind}: its locks cannot be trusted there; move it to a local disk"
        ));
    }
    Ok(health)
}

/// The size of the write-ahead log. Only its directory entry is read: SQLite's files are opened by
/// SQLite alone.
fn log_bytes(file: &Path) -> u64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).map_or(0, |found| found.len())
}

#[cfg(target_os = "linux")]
fn network(file: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(file.parent()?).ok()?;
    let kind = NETWORK.iter().find(|(number, _)| {
        // The kernel's type of this number differs between platforms.
        format!("{:x}", found.f_type).ends_with(&format!("{number:x}"))
    });
    kind.map(|(_, name)| *name).filter(|_| found.f_type != 0)
}

#[cfg(not(target_os = "linux"))]
fn network(_: &Path) -> Option<&'static str> {
    None
}
