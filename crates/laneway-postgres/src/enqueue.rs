//! Adding jobs: a batch as arrays, one for each column.

use std::sync::Arc;

use laneway_core::error::Error;
use laneway_core::job::Lane;
use laneway_core::store::{Due, Enqueued, NewJob};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::value::{self, Identity};

/// The columns of a batch.
#[derive(Default)]
struct Columns {
    ids: Vec<Identity>,
    kinds: Vec<i32>,
    args: Vec<Vec<u8>>,
    dues: Vec<Option<i64>>,
    waits: Vec<Option<i64>>,
    scopes: Vec<Option<i16>>,
    keys: Vec<Option<Vec<u8>>>,
}

/// What many jobs of a batch share, once for each kind.
#[derive(Default)]
struct Kinds {
    tasks: Vec<String>,
    queues: Vec<String>,
    lanes: Vec<i16>,
    urgencies: Vec<i16>,
    policies: Vec<String>,
    limits: Vec<Option<String>>,
    counts: Vec<Option<i64>>,
    pers: Vec<Option<i64>>,
    bursts: Vec<Option<i64>>,
    /// A job of each kind, to recognise others by.
    examples: Vec<usize>,
}

/// Adds jobs. Arguments are moved out of them.
pub(crate) fn enqueue(mut jobs: Vec<NewJob>, now: Option<i64>) -> Result<Call, Error> {
    let mut columns = Columns::default();
    let mut kinds = Kinds::default();
    for index in 0..jobs.len() {
        columns.kinds.push(kinds.kind_of(&jobs, index)?);
    }
    for job in &mut jobs {
        columns.ids.push(job.id.into());
        columns.args.push(std::mem::take(&mut job.args.0));
        columns.dues.push(match job.due {
            Due::At(instant) => Some(instant.as_micros()),
            Due::Now | Due::After(_) => None,
        });
        columns.waits.push(match job.due {
            Due::After(wait) => Some(value::span_column(wait)),
            Due::Now | Due::At(_) => None,
        });
        columns.scopes.push(job.unique.as_ref().map(|key| value::scope_column(key.scope)));
        columns.keys.push(job.unique.take().map(|key| key.text.into_bytes()));
    }
    let has_keys = columns.keys.iter().any(Option::is_some);
    let has_limits = kinds.limits.iter().any(Option::is_some);
    Ok(Call::function("enqueue_jobs")
        .with(columns.ids, Type::UUID_ARRAY)
        .with(columns.kinds, Type::INT4_ARRAY)
        .with(columns.args, Type::BYTEA_ARRAY)
        .with(columns.dues, Type::INT8_ARRAY)
        .with(columns.waits, Type::INT8_ARRAY)
        .with(has_keys.then_some(columns.scopes), Type::INT2_ARRAY)
        .with(has_keys.then_some(columns.keys), Type::BYTEA_ARRAY)
        .with(kinds.tasks, Type::TEXT_ARRAY)
        .with(kinds.queues, Type::TEXT_ARRAY)
        .with(kinds.lanes, Type::INT2_ARRAY)
        .with(kinds.urgencies, Type::INT2_ARRAY)
        .with(kinds.policies, Type::TEXT_ARRAY)
        .with(has_limits.then_some(kinds.limits), Type::TEXT_ARRAY)
        .with(has_limits.then_some(kinds.counts), Type::INT8_ARRAY)
        .with(has_limits.then_some(kinds.pers), Type::INT8_ARRAY)
        .with(has_limits.then_some(kinds.bursts), Type::INT8_ARRAY)
        .with(now, Type::INT8))
}

impl Kinds {
    /// The number of a job's kind, from 1.
    fn kind_of(&mut self, jobs: &[NewJob], index: usize) -> Result<i32, Error> {
        let Some(job) = jobs.get(index) else {
            return Ok(0);
        };
        // Batches are mostly of one kind, and otherwise mostly of few.
        let known = self.examples.iter().rev().position(|example| {
            jobs.get(*example).is_some_and(|example| are_of_one_kind(example, job))
        });
        if let Some(position) = known {
            return Ok(value::count_column(self.examples.len() - position));
        }
        self.examples.push(index);
        self.tasks.push(job.task.as_str().to_owned());
        self.queues.push(job.queue.as_str().to_owned());
        self.lanes.push(value::lane_column(job.lane));
        self.urgencies.push(value::urgency(job.priority));
        self.policies.push(value::policy_column(&job.policy)?);
        let limit = job.limit.as_deref();
        self.limits.push(limit.map(|limit| value::text(&limit.key)));
        self.counts.push(limit.map(|limit| limit.rate.count().into()));
        self.pers.push(limit.map(|limit| value::span_column(limit.rate.per())));
        self.bursts.push(limit.map(|limit| limit.rate.burst().into()));
        Ok(value::count_column(self.examples.len()))
    }
}

fn are_of_one_kind(a: &NewJob, b: &NewJob) -> bool {
    let lanes: (Lane, Lane) = (a.lane, b.lane);
    lanes.0 == lanes.1
        && a.priority == b.priority
        && a.task == b.task
        && a.queue == b.queue
        && (Arc::ptr_eq(&a.policy, &b.policy) || a.policy == b.policy)
        && a.limit == b.limit
}

/// The answers in the order of the jobs.
pub(crate) fn answers(ids: &[Identity], rows: &[Row]) -> Result<Vec<Enqueued>, Error> {
    let mut answers: Vec<_> =
        ids.iter().map(|id| Enqueued { id: id.job(), created: true }).collect();
    let Some(row) = rows.first() else {
        return Ok(answers);
    };
    let places: Option<Vec<i32>> = column(row, 0)?;
    let holders: Option<Vec<Identity>> = column(row, 1)?;
    for (place, holder) in places.unwrap_or_default().into_iter().zip(holders.unwrap_or_default()) {
        let index = usize::try_from(place).unwrap_or(0).wrapping_sub(1);
        if let Some(answer) = answers.get_mut(index) {
            *answer = Enqueued { id: holder.job(), created: false };
        }
    }
    Ok(answers)
}

/// A column of a row. What is there must be what is asked for: the functions are this crate's own.
pub(crate) fn column<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    index: usize,
) -> Result<T, Error> {
    row.try_get(index).map_err(|error| value::damaged(format!("column {index}: {error}")))
}
