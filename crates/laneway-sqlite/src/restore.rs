//! Adding jobs as they stand in another store.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::job::State;
use laneway_core::store::{Due, Enqueued, JobRecord, NewJob};
use rusqlite::params;

use crate::enqueue::{INTO_JOB, Shared, hold_key, holder};
use crate::fault::Result;
use crate::standing::{Body, INTO_FINISHED, MARK_PROGRESS, MARK_TRACE, Standing, Trace};
use crate::transaction::Tx;
use crate::value;

/// Adds jobs with all that has happened to them; those whose id or unique key is known are not
/// added. None of them is running.
pub(crate) fn restore(tx: &mut Tx<'_>, jobs: &[JobRecord]) -> Result<Vec<Enqueued>> {
    let connection = tx.connection;
    let mut shared = Shared::default();
    let mut into_job = connection.prepare_cached(INTO_JOB)?;
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let new = as_new(job);
        if let Some(id) = holder(tx, &new, job.key_held(), &shared)? {
            answers.push(Enqueued { id, created: false });
            continue;
        }
        let body = shared.insert_body(tx, &mut into_job, (&new, job.enqueued_at))?;
        answers.push(Enqueued { id: job.id, created: body.is_some() });
        if let Some(body) = body {
            place(tx, &body, job)?;
        }
    }
    Ok(answers)
}

/// What of the job never changes.
fn as_new(job: &JobRecord) -> NewJob {
    NewJob {
        id: job.id,
        task: job.task.clone(),
        queue: job.queue.clone(),
        lane: job.lane,
        priority: job.priority,
        due: Due::Now,
        unique: job.unique.clone(),
        policy: job.policy.clone(),
        limit: job.limit.clone().map(Arc::new),
        args: job.args.clone(),
    }
}

/// Puts a job where it stood.
fn place(tx: &mut Tx<'_>, body: &Body, job: &JobRecord) -> Result<()> {
    let marks = match job.key_held() {
        Some(_) => hold_key(tx, body)?,
        None => 0,
    };
    let mut standing = Standing {
        token: i64::try_from(job.token.0).unwrap_or(i64::MAX),
        failures: job.failures.into(),
        interrupts: job.interrupts.into(),
        handbacks: job.handbacks.into(),
        marks,
    };
    if let Some(gate) = body.gate {
        tx.count_gate(gate, 1);
    }
    if let Some((done, total, note)) = &job.progress {
        standing.marks |= MARK_PROGRESS;
        tx.connection
            .prepare_cached(
                "INSERT INTO progress (seq, done, total, note) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![body.seq, done, total, note])?;
    }
    let trace = trace(job)?;
    match (job.state, job.due_at) {
        (State::Scheduled, Some(due_at)) => {
            standing.marks |= keep(tx, body, &trace)?;
            tx.make_scheduled(body, standing, due_at.as_micros())
        }
        (State::Scheduled | State::Ready | State::Running, _) => {
            standing.marks |= keep(tx, body, &trace)?;
            tx.make_ready(body, standing, tx.now.as_micros())
        }
        (State::Succeeded | State::Failed | State::Cancelled | State::Parked, _) => {
            finish(tx, body, standing, (job, &trace))
        }
    }
}

fn trace(job: &JobRecord) -> Result<Trace> {
    Ok(Trace {
        claimed_at: job.claimed_at.map(Timestamp::as_micros),
        wall: job.wall.map(value::span_column),
        failure: job.failure.as_ref().map(value::failure_column).transpose()?,
    })
}

/// Keeps what is known of the last attempt of a job that waits, and gives the mark for that.
fn keep(tx: &mut Tx<'_>, body: &Body, trace: &Trace) -> Result<i64> {
    if trace.claimed_at.is_none() && trace.wall.is_none() && trace.failure.is_none() {
        return Ok(0);
    }
    tx.put_trace(body.seq, trace)?;
    Ok(MARK_TRACE)
}

fn finish(
    tx: &mut Tx<'_>,
    body: &Body,
    standing: Standing,
    (job, trace): (&JobRecord, &Trace),
) -> Result<()> {
    let number = tx.number_finished(job.id)?;
    let finished_at = job.finished_at.unwrap_or(tx.now).as_micros();
    // A result without bytes is a result, too.
    let is_success = job.state == State::Succeeded;
    let result = is_success.then(|| job.result.clone().unwrap_or_default().0);
    tx.connection.prepare_cached(INTO_FINISHED)?.execute(params![
        number,
        body.seq,
        value::job_bytes(body.id),
        body.queue,
        value::state_column(job.state),
        standing.token,
        standing.failures,
        standing.interrupts,
        standing.handbacks,
        standing.marks,
        trace.claimed_at,
        finished_at,
        trace.wall,
        trace.failure,
        result,
    ])?;
    tx.count(body.queue, job.state, 1);
    Ok(())
}
