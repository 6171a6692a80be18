//! What people decide about jobs and queues, and what is no longer wanted.

use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::job::QueueName;
use laneway_core::store::{Cancelled, Prune, Requeued, Wake};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::enqueue::column;
use crate::value::{self, Identity};

pub(crate) fn identities(jobs: &[JobId]) -> Vec<Identity> {
    jobs.iter().copied().map(Identity::from).collect()
}

pub(crate) fn cancel(jobs: &[JobId], now: Option<i64>) -> Call {
    Call::function("cancel_jobs").with(identities(jobs), Type::UUID_ARRAY).with(now, Type::INT8)
}

/// The answers in the order of the jobs, and what they changed.
pub(crate) fn cancelled(jobs: &[JobId], rows: &[Row]) -> Result<(Vec<Cancelled>, Wake), Error> {
    let mut wake = Wake::default();
    let mut answers = Vec::with_capacity(jobs.len());
    for (job, number) in jobs.iter().zip(numbers(rows)?) {
        answers.push(match number {
            0 => {
                wake.finished.push(*job);
                Cancelled::Done
            }
            1 => {
                wake.control = true;
                Cancelled::Asked
            }
            2 => Cancelled::TooLate,
            _ => Cancelled::Unknown,
        });
    }
    Ok((answers, wake))
}

pub(crate) fn requeue(jobs: &[JobId], now: Option<i64>) -> Call {
    Call::function("requeue_jobs").with(identities(jobs), Type::UUID_ARRAY).with(now, Type::INT8)
}

pub(crate) fn requeued(rows: &[Row]) -> Result<Vec<Requeued>, Error> {
    let answer = |number| {
        Ok(match number {
            -1 => Requeued::Done,
            -2 => Requeued::Unknown,
            state => Requeued::Refused(value::state(state)?),
        })
    };
    numbers(rows)?.into_iter().map(answer).collect()
}

fn numbers(rows: &[Row]) -> Result<Vec<i16>, Error> {
    rows.first().map_or_else(|| Ok(Vec::new()), |row| column(row, 0))
}

pub(crate) fn set_paused(queue: &QueueName, is_paused: bool) -> Call {
    Call::function("set_paused")
        .with(queue.as_str().to_owned(), Type::TEXT)
        .with(is_paused, Type::BOOL)
}

pub(crate) fn prune(prune: Prune, now: Option<i64>) -> Call {
    Call::function("prune")
        .with(value::span_column(prune.older_than), Type::INT8)
        .with(value::count_column(prune.jobs_max), Type::INT4)
        .with(now, Type::INT8)
}

pub(crate) fn pruned(rows: &[Row]) -> Result<usize, Error> {
    let count = rows.first().map_or(Ok(0), |row| column::<i32>(row, 0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}
