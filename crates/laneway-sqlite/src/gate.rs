//! Limits: a gate per key, and lines of jobs that wait in front of it.
//!
//! A row of `line` exists exactly while jobs wait in it, so a claim looks only at lines that have
//! something, and only at those whose next permit is due.

use std::time::Duration;

use laneway_core::clock::{Timestamp, micros};
use laneway_core::job::State;
use laneway_core::limit::{Limit, Rate};
use rusqlite::{OptionalExtension, params};

use crate::fault::Result;
use crate::transaction::Tx;
use crate::value::count_column;

/// A limit's budget as it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) rate: Rate,
    pub(crate) tat: Timestamp,
}

impl Tx<'_> {
    /// Makes or updates the gate of a limit; the latest rate counts.
    pub(crate) fn put_gate(&mut self, limit: &Limit) -> Result<i64> {
        let rate = limit.rate;
        let mut find = self
            .connection
            .prepare_cached("SELECT id, count, per, burst FROM gate WHERE key = ?1")?;
        let found: Option<(i64, i64, i64, i64)> = find
            .query_row([&limit.key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let (count, per, burst) =
            (i64::from(rate.count()), micros(rate.per()), i64::from(rate.burst()));
        match found {
            None => Ok(self
                .connection
                .prepare_cached(
                    "INSERT INTO gate (key, count, per, burst, tat, jobs)
                     VALUES (?1, ?2, ?3, ?4, 0, 0)",
                )?
                .insert(params![limit.key, count, per, burst])?),
            Some((id, ..)) if found == Some((id, count, per, burst)) => Ok(id),
            Some((id, ..)) => {
                self.connection
                    .prepare_cached(
                        "UPDATE gate SET count = ?2, per = ?3, burst = ?4 WHERE id = ?1",
                    )?
                    .execute(params![id, count, per, burst])?;
                self.move_lines(id)?;
                Ok(id)
            }
        }
    }

    /// Reads a gate. Where somebody has deleted it or made it one that cannot be, nothing tells how
    /// fast its jobs may run: they get their permits one by one, without a wait.
    pub(crate) fn gate(&self, id: i64) -> Result<Gate> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count, per, burst, tat FROM gate WHERE id = ?1")?;
        let found: Option<[i64; 4]> = statement
            .query_row([id], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
            .optional()?;
        let usable = found.and_then(|[count, per, burst, tat]| {
            let (count, burst) = (u32::try_from(count).ok()?, u32::try_from(burst).ok()?);
            let per = Duration::from_micros(u64::try_from(per).ok()?);
            let rate = Rate::new(count, per, burst).ok()?;
            Some(Gate { rate, tat: Timestamp::from_micros(tat) })
        });
        match usable {
            Some(gate) => Ok(gate),
            None => Ok(Gate {
                rate: Rate::new(1, Duration::from_micros(1), 1)?,
                tat: Timestamp::from_micros(0),
            }),
        }
    }

    /// Stores what was taken of a budget.
    pub(crate) fn spend(&mut self, id: i64, tat: Timestamp) -> Result<()> {
        self.connection
            .prepare_cached("UPDATE gate SET tat = ?2 WHERE id = ?1")?
            .execute([id, tat.as_micros()])?;
        self.move_lines(id)
    }

    /// Tells a gate's lines when its next permit can be had.
    pub(crate) fn move_lines(&mut self, id: i64) -> Result<()> {
        let next_at = self.next_permit_at(id)?;
        self.connection
            .prepare_cached("UPDATE line SET next_at = ?2 WHERE gate = ?1")?
            .execute([id, next_at])?;
        Ok(())
    }

    fn next_permit_at(&self, id: i64) -> Result<i64> {
        let gate = self.gate(id)?;
        Ok(gate.rate.grant(gate.tat, self.now, 0).next_at.as_micros())
    }

    /// Sees to it that a line in which a job waits is known.
    pub(crate) fn open_line(&mut self, gate: i64, queue: i64, lane: i64) -> Result<()> {
        let mut find = self
            .connection
            .prepare_cached("SELECT 1 FROM line WHERE gate = ?1 AND queue = ?2 AND lane = ?3")?;
        if find.exists([gate, queue, lane])? {
            return Ok(());
        }
        let next_at = self.next_permit_at(gate)?;
        self.connection
            .prepare_cached(
                "INSERT INTO line (gate, queue, lane, next_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute([gate, queue, lane, next_at])?;
        Ok(())
    }

    /// Forgets what waits in a line for jobs that somebody has deleted; the line if that was all.
    pub(crate) fn leave_deleted(&mut self, gate: i64, queue: i64, lane: i64) -> Result<()> {
        let deleted = self
            .connection
            .prepare_cached(
                "DELETE FROM limited WHERE gate = ?1 AND queue = ?2 AND lane = ?3 AND NOT EXISTS
                 (SELECT 1 FROM job WHERE job.seq = limited.seq)",
            )?
            .execute([gate, queue, lane])?;
        let deleted = count_column(deleted);
        self.count(queue, State::Ready, -deleted);
        self.count_gate(gate, -deleted);
        self.close_line_if_empty(gate, queue, lane)
    }

    /// Forgets a line in which nobody waits any more.
    pub(crate) fn close_line_if_empty(&mut self, gate: i64, queue: i64, lane: i64) -> Result<()> {
        self.connection
            .prepare_cached(
                "DELETE FROM line WHERE gate = ?1 AND queue = ?2 AND lane = ?3 AND NOT EXISTS
                 (SELECT 1 FROM limited WHERE gate = ?1 AND queue = ?2 AND lane = ?3)",
            )?
            .execute([gate, queue, lane])?;
        Ok(())
    }
}
