//! What people decide about jobs and queues.

use laneway_core::id::JobId;
use laneway_core::job::{QueueName, State};
use laneway_core::store::{Cancelled, Requeued};
use laneway_core::transition::{self, Event};
use rusqlite::{OptionalExtension, params};

use crate::fault::Result;
use crate::settle::{cancelled, find_running};
use crate::standing::{Body, Ending, MARK_TRACE, MARK_UNIQUE, Standing, Subject, Trace};
use crate::transaction::Tx;
use crate::value::{self, damaged};

/// A job that ended or was parked.
struct Ended {
    number: i64,
    state: State,
    standing: Standing,
    trace: Trace,
}

/// Cancels jobs: waiting ones at once, running ones by asking their worker.
pub(crate) fn cancel(tx: &mut Tx<'_>, jobs: &[JobId]) -> Result<Vec<Cancelled>> {
    jobs.iter().map(|id| cancel_one(tx, *id)).collect()
}

fn cancel_one(tx: &mut Tx<'_>, id: JobId) -> Result<Cancelled> {
    let Some(body) = Body::by_id(tx, id)? else {
        return Ok(Cancelled::Unknown);
    };
    if find_running(tx, id)?.is_some() {
        tx.connection
            .prepare_cached("UPDATE running SET cancel_asked = 1 WHERE id = ?1")?
            .execute([value::job_bytes(id)])?;
        tx.changes.control = true;
        return Ok(Cancelled::Asked);
    }
    let mut ending = Ending {
        state: State::Cancelled,
        failure: Some(cancelled()),
        result: None,
        claimed_at: None,
        wall: None,
    };
    let standing = match find_ended(tx, &body)? {
        Some(ended) if transition::next(ended.state, Event::Cancel).is_none() => {
            return Ok(Cancelled::TooLate);
        }
        Some(ended) => {
            leave_ended(tx, &body, &ended)?;
            ending.claimed_at = ended.trace.claimed_at;
            ending.wall = ended.trace.wall;
            ended.standing
        }
        None => leave_waiting(tx, &body)?,
    };
    tx.make_finished(Subject::from(&body), standing, ending)?;
    Ok(Cancelled::Done)
}

/// Takes a job out of the place where it waits.
fn leave_waiting(tx: &mut Tx<'_>, body: &Body) -> Result<Standing> {
    let connection = tx.connection;
    let scheduled = connection
        .prepare_cached(LEAVE_SCHEDULED)?
        .query_row([body.seq], |row| Standing::read(row, 0))
        .optional()?;
    if let Some(standing) = scheduled {
        tx.count(body.queue, State::Scheduled, -1);
        return Ok(standing);
    }
    let key = [body.queue, body.lane, body.urgency, body.seq];
    let ready = match body.gate {
        None => connection
            .prepare_cached(LEAVE_READY)?
            .query_row(key, |row| Standing::read(row, 0))
            .optional()?,
        Some(gate) => {
            let [queue, lane, urgency, seq] = key;
            let found = connection
                .prepare_cached(LEAVE_LIMITED)?
                .query_row([queue, lane, urgency, seq, gate], |row| Standing::read(row, 0))
                .optional()?;
            tx.close_line_if_empty(gate, queue, lane)?;
            found
        }
    };
    tx.count(body.queue, State::Ready, -1);
    ready.ok_or_else(|| damaged(format!("job {} stands nowhere", body.id)))
}

fn find_ended(tx: &Tx<'_>, body: &Body) -> Result<Option<Ended>> {
    let mut find = tx.connection.prepare_cached(
        "SELECT n, state, token, failures, interrupts, handbacks, marks, claimed_at, wall, failure
         FROM finished WHERE seq = ?1",
    )?;
    let mut rows = find.query([body.seq])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Ended {
        number: row.get(0)?,
        state: value::state(row.get(1)?)?,
        standing: Standing::read(row, 2)?,
        trace: Trace { claimed_at: row.get(7)?, wall: row.get(8)?, failure: row.get(9)? },
    }))
}

fn leave_ended(tx: &mut Tx<'_>, body: &Body, ended: &Ended) -> Result<()> {
    tx.connection.prepare_cached("DELETE FROM finished WHERE n = ?1")?.execute([ended.number])?;
    tx.count(body.queue, ended.state, -1);
    Ok(())
}

/// Makes failed, cancelled and parked jobs ready again.
pub(crate) fn requeue(tx: &mut Tx<'_>, jobs: &[JobId]) -> Result<Vec<Requeued>> {
    jobs.iter().map(|id| requeue_one(tx, *id)).collect()
}

fn requeue_one(tx: &mut Tx<'_>, id: JobId) -> Result<Requeued> {
    let Some(body) = Body::by_id(tx, id)? else {
        return Ok(Requeued::Unknown);
    };
    let Some(ended) = find_ended(tx, &body)? else {
        return Ok(Requeued::Refused(live_state(tx, &body)?));
    };
    if transition::next(ended.state, Event::Requeue).is_none() {
        return Ok(Requeued::Refused(ended.state));
    }
    let mut marks = ended.standing.marks | MARK_TRACE;
    if body.frees_key() && !ended.standing.has(MARK_UNIQUE) {
        if !retake_key(tx, &body)? {
            return Ok(Requeued::Refused(ended.state));
        }
        marks |= MARK_UNIQUE;
    }
    leave_ended(tx, &body, &ended)?;
    tx.put_trace(body.seq, &ended.trace)?;
    let standing = Standing { token: ended.standing.token, marks, ..Standing::default() };
    tx.make_ready(&body, standing, tx.now.as_micros())?;
    Ok(Requeued::Done)
}

/// Takes a unique key again that was freed when the job ended; another job may have it meanwhile.
fn retake_key(tx: &mut Tx<'_>, body: &Body) -> Result<bool> {
    let Some((scope, key)) = &body.unique else {
        return Ok(true);
    };
    let added = tx
        .connection
        .prepare_cached(
            "INSERT INTO unique_key (task, scope, text, seq) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![body.task, scope, key, body.seq])?;
    Ok(added == 1)
}

fn live_state(tx: &Tx<'_>, body: &Body) -> Result<State> {
    if find_running(tx, body.id)?.is_some() {
        return Ok(State::Running);
    }
    let mut find = tx.connection.prepare_cached("SELECT 1 FROM scheduled WHERE seq = ?1")?;
    Ok(if find.exists([body.seq])? { State::Scheduled } else { State::Ready })
}

/// Pauses or resumes a queue; one that nobody has used yet is made known.
pub(crate) fn pause(tx: &mut Tx<'_>, queue: &QueueName) -> Result<()> {
    set_paused(tx, queue, 1)
}

/// Hands out jobs of a queue again.
pub(crate) fn resume(tx: &mut Tx<'_>, queue: &QueueName) -> Result<()> {
    tx.changes.ready = true;
    set_paused(tx, queue, 0)
}

fn set_paused(tx: &mut Tx<'_>, queue: &QueueName, is_paused: i64) -> Result<()> {
    let id = tx.names.queue_id(tx.connection, queue)?;
    tx.connection
        .prepare_cached("UPDATE queue SET is_paused = ?2 WHERE id = ?1")?
        .execute([id, is_paused])?;
    tx.changes.control = true;
    Ok(())
}

const LEAVE_SCHEDULED: &str = "DELETE FROM scheduled WHERE seq = ?1
    RETURNING token, failures, interrupts, handbacks, marks";

const LEAVE_READY: &str = "DELETE FROM ready
    WHERE queue = ?1 AND lane = ?2 AND urgency = ?3 AND seq = ?4
    RETURNING token, failures, interrupts, handbacks, marks";

const LEAVE_LIMITED: &str = "DELETE FROM limited
    WHERE gate = ?5 AND queue = ?1 AND lane = ?2 AND urgency = ?3 AND seq = ?4
    RETURNING token, failures, interrupts, handbacks, marks";
