//! Ends of attempts.

use laneway_core::error::Error;
use laneway_core::id::SessionId;
use laneway_core::job::Failure;
use laneway_core::store::{Outcome, Progress, Settle, Settled, Settlement};

use crate::fault::damaged;
use crate::reply;
use crate::script::{PROGRESS, SETTLE};
use crate::store::RedisStore;
use crate::value::{self, ID_BYTES, encode};

/// The bytes of the start of an entry: id, token, wall, kind.
const START_BYTES: usize = ID_BYTES + 8 + 8 + 1;

/// Ends attempts; an entry that is stale changes nothing.
pub(crate) async fn settle(store: &RedisStore, settle: Settle) -> Result<Vec<Settled>, Error> {
    if settle.entries.is_empty() {
        return Ok(Vec::new());
    }
    let mut call = store.call(&SETTLE).arg(settle.session.to_string());
    for entry in &settle.entries {
        let (kind, data) = outcome(&entry.outcome)?;
        call.push(start(entry, kind).as_slice());
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

fn start(entry: &Settlement, kind: u8) -> Vec<u8> {
    let mut start = Vec::with_capacity(START_BYTES);
    start.extend_from_slice(entry.job.to_string().as_bytes());
    start.extend_from_slice(&entry.token.0.to_be_bytes());
    let wall = entry.timing.map_or(0, |timing| value::span(timing.wall) + 1);
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
