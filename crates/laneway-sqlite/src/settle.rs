//! Ends of attempts.

use std::sync::Arc;

use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::interrupt::event_after;
use laneway_core::job::{Failure, Payload, State};
use laneway_core::policy::Policy;
use laneway_core::store::{Outcome, Progress, Settle, Settled, Settlement, Timing, unreadable};
use laneway_core::transition::{self, Event};
use rusqlite::{OptionalExtension, params};

use crate::fault::Result;
use crate::session::open_id;
use crate::standing::{Body, Ending, MARK_PROGRESS, MARK_TRACE, Standing, Subject, Trace};
use crate::transaction::Tx;
use crate::value;

/// A job that a session holds, or held until this verb took it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) subject: Subject,
    pub(crate) session: i64,
    pub(crate) standing: Standing,
    pub(crate) claimed_at: i64,
    pub(crate) cancel_asked: bool,
}

/// What an attempt leaves behind.
struct Left<'a> {
    event: Event,
    failure: Option<Failure>,
    result: Option<&'a Payload>,
    /// When the job may run again, if it does.
    due_at: i64,
    wall: Option<i64>,
}

/// Ends attempts; an entry that is stale changes nothing.
pub(crate) fn settle(tx: &mut Tx<'_>, settle: &Settle) -> Result<Vec<Settled>> {
    let Some(session) = open_id(tx, settle.session)? else {
        return Ok(vec![Settled::Stale; settle.entries.len()]);
    };
    settle.entries.iter().map(|entry| settle_one(tx, session, entry)).collect()
}

fn settle_one(tx: &mut Tx<'_>, session: i64, entry: &Settlement) -> Result<Settled> {
    let Some(mut running) = find_running(tx, entry.job)? else {
        return Ok(Settled::Stale);
    };
    if running.session != session || running.standing.token() != entry.token {
        return Ok(Settled::Stale);
    }
    leave_running(tx, &running)?;
    let wall = entry.timing.map(|Timing { wall, .. }| value::span_column(wall));
    let now = tx.now;
    let left = |event, failure: Option<&Failure>| Left {
        event,
        failure: failure.cloned(),
        result: None,
        due_at: now.as_micros(),
        wall,
    };
    let left = match &entry.outcome {
        Outcome::Succeed(result) => Left { result: Some(result), ..left(Event::Succeed, None) },
        Outcome::Retry { after, failure } => {
            running.standing.failures = running.standing.failures.saturating_add(1);
            let due_at = now.plus(*after).as_micros();
            Left { due_at, ..left(Event::Retry, Some(failure)) }
        }
        Outcome::Fail(failure) => {
            running.standing.failures = running.standing.failures.saturating_add(1);
            left(Event::Fail, Some(failure))
        }
        Outcome::Cancel(failure) => left(Event::Cancel, Some(failure)),
        Outcome::Release => left(Event::Release, None),
        Outcome::HandBack { after } => {
            running.standing.handbacks = running.standing.handbacks.saturating_add(1);
            let due_at = now.plus(*after).as_micros();
            Left { due_at, ..left(Event::Defer, None) }
        }
        Outcome::Interrupt(failure) => {
            interrupt(tx, running, failure.clone(), wall)?;
            return Ok(Settled::Accepted);
        }
        Outcome::Park(failure) => left(Event::Park, Some(failure)),
    };
    end(tx, running, left)?;
    Ok(Settled::Accepted)
}

/// Finds a job that somebody holds.
pub(crate) fn find_running(tx: &Tx<'_>, id: JobId) -> Result<Option<Running>> {
    let mut find = tx.connection.prepare_cached(
        "SELECT seq, session, queue, token, failures, interrupts, handbacks, marks, claimed_at,
         cancel_asked FROM running WHERE id = ?1",
    )?;
    let found = find.query_row([value::job_bytes(id)], |row| {
        Ok(Running {
            subject: Subject { seq: row.get(0)?, id, queue: row.get(2)? },
            session: row.get(1)?,
            standing: Standing::read(row, 3)?,
            claimed_at: row.get(8)?,
            cancel_asked: row.get(9)?,
        })
    });
    Ok(found.optional()?)
}

/// Takes a job away from whoever holds it.
pub(crate) fn take_running(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Running>> {
    let found = find_running(tx, id)?;
    if let Some(running) = &found {
        leave_running(tx, running)?;
    }
    Ok(found)
}

fn leave_running(tx: &mut Tx<'_>, running: &Running) -> Result<()> {
    tx.connection
        .prepare_cached("DELETE FROM running WHERE id = ?1")?
        .execute([value::job_bytes(running.subject.id)])?;
    tx.count(running.subject.queue, State::Running, -1);
    Ok(())
}

/// Ends an attempt that ended without a word, and tells what became of the job.
pub(crate) fn interrupt(
    tx: &mut Tx<'_>,
    running: Running,
    cause: Failure,
    wall: Option<i64>,
) -> Result<State> {
    let mut running = running;
    running.standing.interrupts = running.standing.interrupts.saturating_add(1);
    let interrupts = crate::standing::count(running.standing.interrupts);
    let policy = match policy_of(tx, running.subject.seq) {
        Ok(policy) => policy,
        Err(fault) => return fail_unreadable(tx, &running, &fault.into_content()?),
    };
    let event = event_after(policy.on_interrupt, interrupts, policy.interrupts_max);
    let failure = match event {
        Event::Fail => Failure::new(
            Code::JobPoisonous,
            format!("interrupted {interrupts} times, at last: {}", cause.message),
        ),
        Event::Park => Failure::new(Code::OutcomeUnknown, cause.message),
        _ => cause,
    };
    end(
        tx,
        running,
        Left { event, failure: Some(failure), result: None, due_at: tx.now.as_micros(), wall },
    )
}

fn policy_of(tx: &mut Tx<'_>, seq: i64) -> Result<Arc<Policy>> {
    let body = Body::by_seq(tx, seq)?;
    tx.names.policy(tx.connection, body.policy)
}

/// Fails a job that no longer stands in `running` and cannot be read.
fn fail_unreadable(tx: &mut Tx<'_>, running: &Running, error: &Error) -> Result<State> {
    let Running { subject, standing, claimed_at, .. } = *running;
    let ending = Ending { claimed_at: Some(claimed_at), ..Ending::failed(unreadable(error)) };
    tx.make_finished(subject, standing, ending)?;
    Ok(State::Failed)
}

/// Ends the attempt of a job that no longer stands in `running`. A job that somebody wants
/// cancelled does not come back.
fn end(tx: &mut Tx<'_>, running: Running, left: Left<'_>) -> Result<State> {
    let next = |event| {
        transition::next(State::Running, event)
            .ok_or_else(|| Error::new(Code::Internal, format!("a running job cannot {event}")))
    };
    let state = next(left.event)?;
    if !matches!(state, State::Ready | State::Scheduled) {
        let ending = Ending {
            state,
            failure: left.failure,
            result: left.result,
            claimed_at: Some(running.claimed_at),
            wall: left.wall,
        };
        tx.make_finished(running.subject, running.standing, ending)?;
        return Ok(state);
    }
    if running.cancel_asked {
        let cancelled = Left { event: Event::Cancel, failure: Some(cancelled()), ..left };
        return end(tx, running, cancelled);
    }
    let body = match Body::by_seq(tx, running.subject.seq) {
        Ok(body) => body,
        Err(fault) => return fail_unreadable(tx, &running, &fault.into_content()?),
    };
    let Running { subject, mut standing, claimed_at, .. } = running;
    let earlier =
        if standing.has(MARK_TRACE) { tx.take_trace(subject.seq)? } else { Trace::default() };
    let failure = match &left.failure {
        Some(failure) => Some(value::failure_column(failure)?),
        None => earlier.failure,
    };
    let trace = Trace { claimed_at: Some(claimed_at), wall: left.wall.or(earlier.wall), failure };
    tx.put_trace(subject.seq, &trace)?;
    standing.marks |= MARK_TRACE;
    if state == State::Scheduled {
        tx.make_scheduled(&body, standing, left.due_at)?;
    } else {
        tx.make_ready(&body, standing, tx.now.as_micros())?;
    }
    Ok(state)
}

/// Why a job that was cancelled before its attempt ended did not succeed.
pub(crate) fn cancelled() -> Failure {
    Failure::new(Code::JobCancelled, "somebody asked to cancel it")
}

/// Stores how far attempts are; what is stale is dropped.
pub(crate) fn report_progress(
    tx: &mut Tx<'_>,
    session: SessionId,
    reports: &[Progress],
) -> Result<()> {
    let Some(session) = open_id(tx, session)? else {
        return Ok(());
    };
    for report in reports {
        let Some(running) = find_running(tx, report.job)? else {
            continue;
        };
        if running.session != session || running.standing.token() != report.token {
            continue;
        }
        tx.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO progress (seq, done, total, note) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![running.subject.seq, report.done, report.of, report.note])?;
        if !running.standing.has(MARK_PROGRESS) {
            tx.connection
                .prepare_cached("UPDATE running SET marks = marks | ?2 WHERE id = ?1")?
                .execute(params![value::job_bytes(report.job), MARK_PROGRESS])?;
        }
    }
    Ok(())
}
