//! Ends of attempts.

use std::time::Duration;

use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId, Token};
use laneway_core::job::Failure;
use laneway_core::store::{Outcome, Progress, Settle, Settled};

use crate::fault::damaged;
use crate::reply;
use crate::script::{PROGRESS, SETTLE};
use crate::store::RedisStore;
use crate::value::{self, ID_BYTES, encode};

/// The bytes of the start of an entry: id, token, wall, kind.
const START_BYTES: usize = ID_BYTES + 8 + 8 + 1;

/// The kind of an end that is no outcome of an attempt, see [`put_back`].
const PUT_BACK: u8 = 8;

/// Ends attempts; an entry that is stale changes nothing.
pub(crate) async fn settle(store: &RedisStore, settle: Settle) -> Result<Vec<Settled>, Error> {
    if settle.entries.is_empty() {
        return Ok(Vec::new());
    }
    let mut call = store.call(&SETTLE).arg(settle.session.to_string());
    for entry in &settle.entries {
        let (kind, data) = outcome(&entry.outcome)?;
        let wall = entry.timing.map_or(0, |timing| value::span(timing.wall) + 1);
        call.push(start(entry.job, entry.token, wall, kind).as_slice());
        match &entry.outcome {
            Outcome::Succeed(result) => call.push(result.0.as_slice()),
            _ => call.push(data.as_slice()),
        }
    }
    let marks = reply::bytes(store.ask(call).await?)?;
    if marks.len() != settle.entries.len() {
        return Err(damaged("the answer to a settlement does not fit it"));
    }
    let settled = |mark| if mark == b'1' { Settled::Accepted } else { Settled::Stale };
    Ok(marks.into_iter().map(settled).collect())
}

/// Puts jobs back for a while that could not be handed out, as if nobody had asked for them.
pub(crate) async fn put_back(
    store: &RedisStore,
    session: SessionId,
    jobs: &[(JobId, Token)],
    after: Duration,
) -> Result<(), Error> {
    let mut call = store.call(&SETTLE).arg(session.to_string());
    for (job, token) in jobs {
        call.push(start(*job, *token, 0, PUT_BACK).as_slice());
        call.push(value::span(after).to_be_bytes().as_slice());
    }
    store.ask(call).await.map(drop)
}

fn start(job: JobId, token: Token, wall: u64, kind: u8) -> Vec<u8> {
    let mut start = Vec::with_capacity(START_BYTES);
    start.extend_from_slice(job.to_string().as_bytes());
    start.extend_from_slice(&token.0.to_be_bytes());
    start.extend_from_slice(&wall.to_be_bytes());
    start.push(kind);
    start
}

/// The number of an outcome and what goes with it; the result of a success is sent as it is.
fn outcome(outcome: &Outcome) -> Result<(u8, Vec<u8>), Error> {
    Ok(match outcome {
        Outcome::Succeed(_) => (0, Vec::new()),
        Outcome::Retry { after, failure } => {
            let mut data = value::span(*after).to_be_bytes().to_vec();
            data.extend(packed(failure)?);
            (1, data)
        }
        Outcome::Fail(failure) => (2, packed(failure)?),
        Outcome::Cancel(failure) => (3, packed(failure)?),
        Outcome::Release => (4, Vec::new()),
        Outcome::HandBack { after } => (5, value::span(*after).to_be_bytes().to_vec()),
        Outcome::Interrupt(failure) => (6, packed(failure)?),
        Outcome::Park(failure) => (7, packed(failure)?),
    })
}

fn packed(failure: &Failure) -> Result<Vec<u8>, Error> {
    encode(failure)
}

/// Stores how far attempts are; what is stale is dropped.
pub(crate) async fn report_progress(
    store: &RedisStore,
    session: SessionId,
    reports: Vec<Progress>,
) -> Result<(), Error> {
    if reports.is_empty() {
        return Ok(());
    }
    let mut call = store.call(&PROGRESS).arg(session.to_string()).repeatable();
    for report in reports {
        call.push(report.job.to_string());
        call.push(report.token.0);
        call.push(encode(&(report.done, report.of, report.note))?.as_slice());
    }
    store.ask(call).await.map(drop)
}
