//! Copying the write-ahead log into the database beside the writer.
//!
//! A checkpoint waits for the disk. Done by the writer, it would make one request in some hundreds
//! wait tens of milliseconds; done here, the writer goes on meanwhile. When the log grows faster
//! than it is copied, SQLite's own automatic checkpoint in the writer holds it up.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::fault::Result;
use crate::open::{CHECKPOINT_PAGES, open_reader};
use crate::writer::no_thread;

/// Work, counted in jobs, after which the writer looks how long the log has become.
const LOOK_AFTER: usize = 2_000;

/// The work of a transaction besides its jobs: it writes some pages at least.
const TRANSACTION_WEIGHT: usize = 16;

/// The thread that copies, and when it is to be woken.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Work since the log was looked at.
    work: usize,
}

impl Checkpointer {
    /// Starts the thread with a connection of its own.
    pub(crate) fn start(file: &Path) -> Result<Self> {
        let connection = open_reader(file)?;
        let (wake, woken) = sync_channel(1);
        let thread = thread::Builder::new()
            .name(String::from("laneway-copy"))
            .spawn(move || serve(&connection, &woken))
            .map_err(|error| no_thread(&error))?;
        Ok(Self { wake: Some(wake), thread: Some(thread), work: 0 })
    }

    /// Counts the work of a transaction of `connection`, and wakes the thread when there is enough to
    /// copy.
    pub(crate) fn count(&mut self, connection: &Connection, jobs: usize) -> Result<()> {
        self.work += jobs + TRANSACTION_WEIGHT;
        if self.work < LOOK_AFTER {
            return Ok(());
        }
        self.work = 0;
        let (pages, copied) = log_pages(connection, "PRAGMA wal_checkpoint(NOOP)")?;
        if pages - copied >= i64::from(CHECKPOINT_PAGES)
            && let Some(wake) = &self.wake
            && wake.try_send(()).is_err()
        {
            // It is at work and has been told to go on.
        }
        Ok(())
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            // The panic was reported by the thread itself; the writer's checkpoints go on.
        }
    }
}

fn serve(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        if log_pages(connection, "PRAGMA wal_checkpoint(PASSIVE)").is_err() {
            // The writer meets the same disk and tells its callers what is wrong with it.
        }
    }
}

/// Runs a checkpoint; tells the pages in the log, and those of them that are copied.
fn log_pages(connection: &Connection, pragma: &str) -> Result<(i64, i64)> {
    let mut statement = connection.prepare_cached(pragma)?;
    Ok(statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?)
}
