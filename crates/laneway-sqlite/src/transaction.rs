//! One write transaction, and what it will have changed once it commits.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use laneway_core::clock::Timestamp;
use laneway_core::id::JobId;
use laneway_core::job::State;
use rusqlite::Connection;

use crate::fault::Result;
use crate::names::Names;
use crate::value::state_column;

/// What a verb works with.
#[derive(Debug)]
pub(crate) struct Tx<'c> {
    /// The writer's connection, inside a transaction.
    pub(crate) connection: &'c Connection,
    /// The store's time of this verb.
    pub(crate) now: Timestamp,
    /// Numbers of names.
    pub(crate) names: &'c mut Names,
    /// What the transaction changes.
    pub(crate) changes: &'c mut Changes,
}

/// What a transaction changes, gathered so that each shared row is written once.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// There may be new claimable jobs, or new times at which jobs become claimable.
    pub(crate) ready: bool,
    /// Somebody asked for cancellations, or paused or resumed a queue.
    pub(crate) control: bool,
    /// Jobs that ended or were parked, in order.
    pub(crate) finished: Vec<JobId>,
    /// Differences of the table `census`, by queue and state.
    census: BTreeMap<(i64, i64), i64>,
    /// Differences of `gate.jobs`.
    gate_jobs: BTreeMap<i64, i64>,
    /// The numbers in `bell` before and after this transaction, once they were read.
    bell: Option<(Bell, Bell)>,
}

/// The row of the table `bell`: how often each kind of change has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bell {
    pub(crate) ready: i64,
    pub(crate) control: i64,
    /// The number of the latest row of `finished`.
    pub(crate) finished: i64,
}

impl Bell {
    /// Reads the row.
    pub(crate) fn read(connection: &Connection) -> Result<Self> {
        let mut statement =
            connection.prepare_cached("SELECT ready, control, finished FROM bell")?;
        Ok(statement.query_row([], |row| {
            Ok(Self { ready: row.get(0)?, control: row.get(1)?, finished: row.get(2)? })
        })?)
    }
}

/// What a committed transaction did to the bell.
#[derive(Debug)]
pub(crate) struct Rung {
    pub(crate) before: Bell,
    pub(crate) after: Bell,
    pub(crate) finished: Vec<JobId>,
}

impl Rung {
    /// The numbers of the rows of `finished` that the transaction added.
    pub(crate) fn numbers(&self) -> RangeInclusive<i64> {
        self.before.finished + 1..=self.after.finished
    }
}

impl Tx<'_> {
    /// Counts a job that came into a state (`+1`) or left it (`-1`).
    pub(crate) fn count(&mut self, queue: i64, state: State, difference: i64) {
        *self.changes.census.entry((queue, state_column(state))).or_default() += difference;
    }

    /// Counts jobs that refer to a limit.
    pub(crate) fn count_gate(&mut self, gate: i64, difference: i64) {
        *self.changes.gate_jobs.entry(gate).or_default() += difference;
    }

    /// Takes the number of the next row of `finished`, for the job that ends.
    pub(crate) fn number_finished(&mut self, job: JobId) -> Result<i64> {
        let bell = self.changes.bell(self.connection)?;
        bell.1.finished += 1;
        let number = bell.1.finished;
        self.changes.finished.push(job);
        Ok(number)
    }
}

impl Changes {
    fn bell(&mut self, connection: &Connection) -> Result<&mut (Bell, Bell)> {
        let known = match self.bell {
            Some(known) => known,
            None => Bell::read(connection).map(|bell| (bell, bell))?,
        };
        Ok(self.bell.insert(known))
    }

    /// Writes the differences of counts, so that the tables are true.
    pub(crate) fn flush(&mut self, connection: &Connection) -> Result<()> {
        for ((queue, state), difference) in std::mem::take(&mut self.census) {
            if difference != 0 {
                connection.prepare_cached(COUNT)?.execute([queue, state, difference])?;
            }
        }
        for (gate, difference) in std::mem::take(&mut self.gate_jobs) {
            if difference != 0 {
                connection
                    .prepare_cached("UPDATE gate SET jobs = max(jobs + ?2, 0) WHERE id = ?1")?
                    .execute([gate, difference])?;
            }
        }
        Ok(())
    }

    /// Writes all that is still open, and tells what others shall be told after the commit.
    pub(crate) fn finish(&mut self, connection: &Connection) -> Result<Option<Rung>> {
        self.flush(connection)?;
        if !self.ready && !self.control && self.finished.is_empty() {
            return Ok(None);
        }
        let (ready, control) = (self.ready, self.control);
        let (before, after) = self.bell(connection)?;
        after.ready += i64::from(ready);
        after.control += i64::from(control);
        connection
            .prepare_cached("UPDATE bell SET ready = ?1, control = ?2, finished = ?3")?
            .execute([after.ready, after.control, after.finished])?;
        let (before, after) = (*before, *after);
        Ok(Some(Rung { before, after, finished: std::mem::take(&mut self.finished) }))
    }
}

// The count is inserted as at least 0: a check must not fail on a row that only an update reaches.
const COUNT: &str = "INSERT INTO census (queue, state, jobs) VALUES (?1, ?2, max(?3, 0))
    ON CONFLICT (queue, state) DO UPDATE SET jobs = jobs + ?3";
