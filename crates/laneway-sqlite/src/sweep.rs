//! What time has overtaken: expired sessions, hung attempts, due jobs.

use laneway_core::error::Code;
use laneway_core::id::JobId;
use laneway_core::job::{Failure, State};
use laneway_core::store::{Sweep, Swept};

use crate::fault::Result;
use crate::session::lease_lost;
use crate::settle::{interrupt, take_running};
use crate::standing::{Body, Standing, identity};
use crate::transaction::Tx;
use crate::value::count_column;

/// Ends expired sessions, interrupts what they held and what has passed its deadline, and makes due
/// jobs ready.
pub(crate) fn sweep(tx: &mut Tx<'_>, sweep: Sweep) -> Result<Swept> {
    let now = tx.now.as_micros();
    let expired = tx
        .connection
        .prepare_cached("UPDATE session SET is_ended = 1 WHERE is_ended = 0 AND expires_at <= ?1")?
        .execute([now])?;
    let mut swept = Swept { sessions_expired: expired, ..Swept::default() };
    let overtaken = overtaken(tx, sweep.jobs_max)?;
    swept.more = overtaken.len() > sweep.jobs_max;
    let mut left = sweep.jobs_max;
    for (job, cause) in overtaken.into_iter().take(sweep.jobs_max) {
        left -= 1;
        let Some(running) = take_running(tx, job)? else {
            continue;
        };
        match interrupt(tx, running, cause, None)? {
            State::Parked => swept.parked += 1,
            State::Failed => swept.failed += 1,
            State::Ready => swept.released += 1,
            _ => {}
        }
    }
    if !swept.more {
        // A session that is over is kept until its last job is interrupted: the cause names it.
        tx.connection.prepare_cached("DELETE FROM session WHERE is_ended = 1")?.execute([])?;
    }
    swept.promoted = promote(tx, left)?;
    swept.more |= is_due(tx)?;
    Ok(swept)
}

/// Running jobs whose session is over or whose deadline has passed, at most one more than asked.
fn overtaken(tx: &Tx<'_>, jobs_max: usize) -> Result<Vec<(JobId, Failure)>> {
    let mut statement = tx.connection.prepare_cached(OVERTAKEN)?;
    let limit = count_column(jobs_max.saturating_add(1));
    let mut rows = statement.query([tx.now.as_micros(), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let is_session_over: bool = row.get(1)?;
        let cause = if is_session_over {
            let worker: Option<String> = row.get(2)?;
            lease_lost(worker.as_deref().unwrap_or("?"))
        } else {
            let hung = "the attempt did not end although its time was over";
            Failure::new(Code::AttemptTimedOut, hung)
        };
        found.push((identity(row, 0)?, cause));
    }
    Ok(found)
}

/// Makes at most `jobs_max` due jobs ready. They count as ready since they were due.
pub(crate) fn promote(tx: &mut Tx<'_>, jobs_max: usize) -> Result<usize> {
    if jobs_max == 0 || !is_due(tx)? {
        return Ok(0);
    }
    let due = {
        let mut statement = tx.connection.prepare_cached(DUE)?;
        let rows = statement.query_map([tx.now.as_micros(), count_column(jobs_max)], |row| {
            let place = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(7)?);
            Ok((place, Standing::read(row, 2)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()?
    };
    let promoted = due.len();
    let connection = tx.connection;
    let mut leave = connection.prepare_cached("DELETE FROM scheduled WHERE seq = ?1")?;
    for ((seq, due_at, queue), standing) in due {
        leave.execute([seq])?;
        tx.count(queue, State::Scheduled, -1);
        match Body::by_seq(tx, seq) {
            Ok(body) => tx.make_ready(&body, standing, due_at)?,
            // Somebody has deleted the job itself: nothing is left that could run or be shown.
            Err(fault) => drop(fault.into_content()?),
        }
    }
    Ok(promoted)
}

fn is_due(tx: &Tx<'_>) -> Result<bool> {
    let mut statement =
        tx.connection.prepare_cached("SELECT 1 FROM scheduled WHERE due_at <= ?1 LIMIT 1")?;
    Ok(statement.exists([tx.now.as_micros()])?)
}

const OVERTAKEN: &str = "SELECT r.id, s.id IS NULL OR s.is_ended, s.worker
    FROM running AS r LEFT JOIN session AS s ON s.id = r.session
    WHERE s.id IS NULL OR s.is_ended OR r.deadline <= ?1 ORDER BY r.seq LIMIT ?2";

const DUE: &str = "SELECT seq, due_at, token, failures, interrupts, handbacks, marks, queue
    FROM scheduled WHERE due_at <= ?1 ORDER BY due_at, seq LIMIT ?2";
