//! Deleting ended jobs, and giving their room back.

use laneway_core::job::State;
use laneway_core::store::Prune;
use rusqlite::Connection;

use crate::fault::Result;
use crate::standing::{Body, MARK_PROGRESS, Standing};
use crate::transaction::Tx;
use crate::value;

/// The most free pages that one call gives back to the file system.
const PAGES_MAX: u32 = 2_000;

/// Deletes ended jobs that are old enough.
///
/// The table is walked in the order in which jobs ended. A clock that was set back may have left a
/// row with a later time before older ones; these wait until that one is old enough, too.
pub(crate) fn prune(tx: &mut Tx<'_>, prune: Prune) -> Result<usize> {
    let ended_before = tx.now.minus(prune.older_than).as_micros();
    let old = old_rows(tx.connection, ended_before, prune.jobs_max)?;
    let connection = tx.connection;
    let mut from_finished = connection.prepare_cached("DELETE FROM finished WHERE n = ?1")?;
    let mut from_job = connection.prepare_cached("DELETE FROM job WHERE seq = ?1")?;
    for row in &old {
        let body = match Body::by_seq(tx, row.seq) {
            Ok(body) => body,
            Err(fault) => {
                // Somebody has deleted the job itself: its end must not keep the others.
                drop(fault.into_content()?);
                from_finished.execute([row.number])?;
                tx.count(row.queue, row.state, -1);
                continue;
            }
        };
        if let Some((scope, key)) = &body.unique {
            connection
                .prepare_cached(
                    "DELETE FROM unique_key WHERE task = ?1 AND scope = ?2 AND text = ?3
                     AND seq = ?4",
                )?
                .execute(rusqlite::params![body.task, scope, key, body.seq])?;
        }
        if let Some(gate) = body.gate {
            tx.count_gate(gate, -1);
        }
        if row.standing.has(MARK_PROGRESS) {
            tx.drop_progress(row.seq)?;
        }
        from_finished.execute([row.number])?;
        from_job.execute([row.seq])?;
        tx.count(body.queue, row.state, -1);
    }
    tx.changes.flush(connection)?;
    // A gate whose budget is full again and that no job refers to is as good as a new one.
    connection
        .prepare_cached("DELETE FROM gate WHERE jobs = 0 AND tat <= ?1")?
        .execute([tx.now.as_micros()])?;
    give_back(connection)?;
    Ok(old.len())
}

struct Old {
    number: i64,
    seq: i64,
    state: State,
    standing: Standing,
    queue: i64,
}

fn old_rows(connection: &Connection, ended_before: i64, jobs_max: usize) -> Result<Vec<Old>> {
    let mut statement = connection.prepare_cached(
        "SELECT n, seq, state, finished_at, token, failures, interrupts, handbacks, marks, queue
         FROM finished WHERE state <> 6 ORDER BY n",
    )?;
    let mut rows = statement.query([])?;
    let mut old = Vec::new();
    while old.len() < jobs_max {
        let Some(row) = rows.next()? else { break };
        if row.get::<_, i64>(3)? >= ended_before {
            break;
        }
        old.push(Old {
            number: row.get(0)?,
            seq: row.get(1)?,
            state: value::state(row.get(2)?)?,
            standing: Standing::read(row, 4)?,
            queue: row.get(9)?,
        });
    }
    Ok(old)
}

/// Shrinks the file when a quarter of it is free; less is soon used again.
fn give_back(connection: &Connection) -> Result<()> {
    let pragma =
        |sql: &str| -> Result<u32> { Ok(connection.query_row(sql, [], |row| row.get(0))?) };
    let free = pragma("PRAGMA freelist_count")?;
    if free < PAGES_MAX || free < pragma("PRAGMA page_count")? / 4 {
        return Ok(());
    }
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_MAX})"))?;
    let mut pages = vacuum.query([])?;
    // The pragma frees a page with every step.
    while pages.next()?.is_some() {}
    Ok(())
}
