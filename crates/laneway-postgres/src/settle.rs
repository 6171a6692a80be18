//! Ends of attempts.

use std::collections::BTreeMap;

use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::Failure;
use laneway_core::store::{Outcome, Progress, Settle, Settled, Settlement, Wake};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::enqueue::column;
use crate::value::{self, Identity};

/// A batch of ends on its way: which entry stands at which place of the call.
#[derive(Debug)]
pub(crate) struct Ends {
    /// The index in the request and the job of each entry that was sent.
    sent: Vec<(usize, JobId)>,
    entries: usize,
}

/// Ends attempts, sorted by job, so that transactions lock rows in one order.
pub(crate) fn settle(settle: Settle, now: Option<i64>) -> Result<(Call, Ends), Error> {
    let entries = settle.entries.len();
    // An entry that is there twice is stale the second time.
    let mut sorted: BTreeMap<(JobId, u64), (usize, Settlement)> = BTreeMap::new();
    for (index, entry) in settle.entries.into_iter().enumerate() {
        sorted.entry((entry.job, entry.token.0)).or_insert((index, entry));
    }
    let mut sent = Vec::with_capacity(sorted.len());
    let (mut jobs, mut tokens, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut waits, mut walls) = (Vec::new(), Vec::new());
    let (mut failures, mut results) = (Vec::new(), Vec::new());
    for (index, entry) in sorted.into_values() {
        sent.push((index, entry.job));
        jobs.push(Identity::from(entry.job));
        tokens.push(entry.token.0.cast_signed());
        walls.push(entry.timing.map(|timing| value::span_column(timing.wall)));
        let (number, wait, failure, result) = parts(entry.outcome);
        outcomes.push(number);
        waits.push(wait);
        failures.push(failure.as_ref().map(value::failure_column).transpose()?);
        results.push(result);
    }
    let call = Call::function("settle_attempts")
        .with(Identity::from(settle.session), Type::UUID)
        .with(jobs, Type::UUID_ARRAY)
        .with(tokens, Type::INT8_ARRAY)
        .with(outcomes, Type::INT2_ARRAY)
        .with(waits, Type::INT8_ARRAY)
        .with(walls, Type::INT8_ARRAY)
        .with(failures, Type::TEXT_ARRAY)
        .with(results, Type::BYTEA_ARRAY)
        .with(now, Type::INT8);
    Ok((call, Ends { sent, entries }))
}

/// An outcome as columns: its number, the wait, the failure and the result.
fn parts(outcome: Outcome) -> (i16, Option<i64>, Option<Failure>, Option<Vec<u8>>) {
    match outcome {
        Outcome::Succeed(result) => (1, None, None, Some(result.0)),
        Outcome::Retry { after, failure } => {
            (2, Some(value::span_column(after)), Some(failure), None)
        }
        Outcome::Fail(failure) => (3, None, Some(failure), None),
        Outcome::Cancel(failure) => (4, None, Some(failure), None),
        Outcome::Release => (5, None, None, None),
        Outcome::HandBack { after } => (6, Some(value::span_column(after)), None, None),
        Outcome::Interrupt(failure) => (7, None, Some(failure), None),
        Outcome::Park(failure) => (8, None, Some(failure), None),
    }
}

impl Ends {
    /// The answers in the order of the entries, and what the batch has changed.
    pub(crate) fn answers(&self, rows: &[Row]) -> Result<(Vec<Settled>, Wake), Error> {
        let (stale, back): (Option<Vec<i32>>, Option<Vec<i32>>) = match rows.first() {
            Some(row) => (column(row, 0)?, column(row, 1)?),
            None => (None, None),
        };
        let mut answers = vec![Settled::Stale; self.entries];
        let (stale, back) = (sorted(stale), sorted(back));
        let mut wake = Wake { ready: !back.is_empty(), ..Wake::default() };
        for (place, (index, job)) in (1_i32..).zip(&self.sent) {
            if stale.binary_search(&place).is_ok() {
                continue;
            }
            if let Some(answer) = answers.get_mut(*index) {
                *answer = Settled::Accepted;
            }
            if back.binary_search(&place).is_err() {
                wake.finished.push(*job);
            }
        }
        Ok((answers, wake))
    }
}

fn sorted(places: Option<Vec<i32>>) -> Vec<i32> {
    let mut places = places.unwrap_or_default();
    places.sort_unstable();
    places
}

/// Stores how far attempts are; of several reports of one attempt the last counts.
pub(crate) fn report_progress(session: SessionId, reports: Vec<Progress>) -> Call {
    let latest: BTreeMap<(JobId, u64), Progress> =
        reports.into_iter().map(|report| ((report.job, report.token.0), report)).collect();
    let (mut jobs, mut tokens) = (Vec::new(), Vec::new());
    let (mut dones, mut totals, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for report in latest.into_values() {
        jobs.push(Identity::from(report.job));
        tokens.push(report.token.0.cast_signed());
        dones.push(report.done);
        totals.push(report.of);
        notes.push(value::text(&report.note));
    }
    Call::function("report_progress")
        .with(Identity::from(session), Type::UUID)
        .with(jobs, Type::UUID_ARRAY)
        .with(tokens, Type::INT8_ARRAY)
        .with(dones, Type::FLOAT8_ARRAY)
        .with(totals, Type::FLOAT8_ARRAY)
        .with(notes, Type::TEXT_ARRAY)
}
