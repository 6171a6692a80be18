//! Adding jobs as they stand in another store.

use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::store::JobRecord;
use serde_json::{Value, json};
use tokio_postgres::types::{Json, Type};

use crate::call::Call;
use crate::value;

/// Adds jobs with all that has happened to them. Their payloads are moved out of them.
pub(crate) fn restore(jobs: Vec<JobRecord>, now: Option<i64>) -> Result<Call, Error> {
    let mut described = Vec::with_capacity(jobs.len());
    let (mut args, mut keys, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for job in jobs {
        described.push(Json(description(&job)?));
        args.push(job.args.0);
        keys.push(job.unique.map(|key| key.text.into_bytes()));
        results.push(job.result.map(|result| result.0));
    }
    Ok(Call::function("restore_jobs")
        .with(described, Type::JSON_ARRAY)
        .with(args, Type::BYTEA_ARRAY)
        .with(keys, Type::BYTEA_ARRAY)
        .with(results, Type::BYTEA_ARRAY)
        .with(now, Type::INT8))
}

/// A count as a column holds it.
fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Everything of a job but its payloads and its key, which may be any bytes.
fn description(job: &JobRecord) -> Result<Value, Error> {
    let limit = job.limit.as_ref().map(|limit| {
        json!({
            "key": value::text(&limit.key),
            "count": limit.rate.count(),
            "per": value::span_column(limit.rate.per()),
            "burst": limit.rate.burst(),
        })
    });
    let progress = job.progress.as_ref();
    Ok(json!({
        "id": format!("{:032x}", job.id.bits()),
        "task": job.task.as_str(),
        "queue": job.queue.as_str(),
        "lane": value::lane_column(job.lane),
        "urgency": value::urgency(job.priority),
        "policy": value::policy_column(&job.policy)?,
        "limit": limit,
        "scope": job.unique.as_ref().map(|key| value::scope_column(key.scope)),
        "is_key_held": job.key_held().is_some(),
        "state": value::state_column(job.state),
        "token": job.token.0,
        "failures": count(job.failures),
        "interrupts": count(job.interrupts),
        "handbacks": count(job.handbacks),
        "enqueued_at": job.enqueued_at.as_micros(),
        "due_at": job.due_at.map(Timestamp::as_micros),
        "claimed_at": job.claimed_at.map(Timestamp::as_micros),
        "finished_at": job.finished_at.map(Timestamp::as_micros),
        "wall": job.wall.map(value::span_column),
        "failure": job.failure.as_ref().map(value::failure_column).transpose()?,
        "done": progress.map(|(done, _, _)| *done),
        "total": progress.and_then(|(_, total, _)| *total),
        "note": progress.map(|(_, _, note)| value::text(note)),
    }))
}
