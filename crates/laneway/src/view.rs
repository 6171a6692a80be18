//! What a store keeps, as JSON for people and programs: the one shape that the command line prints
//! and the Python package returns.

use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::job::{Failure, Payload};
use laneway_core::policy::Policy;
use laneway_core::profile::{Harm, Move, MoveKind};
use laneway_core::store::{Finished, Health, JobRecord, QueueRecord, SessionRecord, StateCounts};
use serde_json::{Value, json};

mod payload;

/// Everything known of a job. Arguments and result stand as JSON where `MessagePack` has an equal
/// in it.
pub fn job(record: &JobRecord) -> Value {
    json!({
        "id": record.id.to_string(),
        "task": record.task.as_str(),
        "queue": record.queue.as_str(),
        "lane": record.lane.as_str(),
        "priority": record.priority.value(),
        "state": record.state.as_str(),
        "token": record.token.0,
        "failures": record.failures,
        "interrupts": record.interrupts,
        "limit_key": record.limit.as_ref().map(|limit| &limit.key),
        "policy": policy(&record.policy),
        "enqueued_at": rfc3339(record.enqueued_at),
        "due_at": record.due_at.map(rfc3339),
        "claimed_at": record.claimed_at.map(rfc3339),
        "finished_at": record.finished_at.map(rfc3339),
        "wall_ms": record.wall.map(millis),
        "session": record.session.map(|session| session.to_string()),
        "cancel_asked": record.cancel_asked,
        "progress": record.progress.as_ref().map(|(done, of, note)| json!({
            "done": done, "of": of, "note": note,
        })),
        "failure": record.failure.as_ref().map(failure),
        "args": encoded(&record.args),
        "result": record.result.as_ref().map(encoded),
        "unreadable": record.unreadable,
    })
}

/// A job in a list, whose records carry neither arguments nor result.
pub fn listed_job(record: &JobRecord) -> Value {
    let mut view = job(record);
    if let Some(fields) = view.as_object_mut() {
        fields.remove("args");
        fields.remove("result");
    }
    view
}

/// How a job ended.
pub fn finished(end: &Finished) -> Value {
    json!({
        "id": end.id.to_string(),
        "state": end.state.as_str(),
        "result": end.result.as_ref().map(encoded),
        "failure": end.failure.as_ref().map(failure),
    })
}

/// A queue as it stands.
pub fn queue(record: &QueueRecord) -> Value {
    json!({
        "name": record.name.as_str(),
        "is_paused": record.is_paused,
        "counts": counts(&record.counts),
        "oldest_ready_ms": record.oldest_ready.map(millis),
    })
}

/// Jobs of a queue that a worker could run now or runs: none while it is paused.
pub const fn backlog(record: &QueueRecord) -> u64 {
    let ready = if record.is_paused { 0 } else { record.counts.ready };
    ready + record.counts.running
}

/// A queue as an autoscaler sees it; its name stands outside.
pub fn queue_load(record: &QueueRecord) -> Value {
    json!({
        "backlog": backlog(record),
        "is_paused": record.is_paused,
        "scheduled": record.counts.scheduled,
        "ready": record.counts.ready,
        "running": record.counts.running,
        "parked": record.counts.parked,
        "oldest_ready_ms": record.oldest_ready.map(millis),
    })
}

/// A worker's session as it stands.
pub fn session(record: &SessionRecord) -> Value {
    json!({
        "session": record.session.to_string(),
        "worker": record.worker,
        "opened_at": rfc3339(record.opened_at),
        "expires_at": rfc3339(record.expires_at),
        "running": record.running,
        "condition": record.condition,
    })
}

/// The facts that a store tells of itself, by name, and its warnings.
pub fn health(health: &Health) -> Value {
    let facts: serde_json::Map<_, _> =
        health.facts.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({ "facts": facts, "warnings": health.warnings })
}

/// Why an attempt did not succeed.
pub fn failure(failure: &Failure) -> Value {
    json!({
        "code": failure.code,
        "kind": failure.kind,
        "message": failure.message,
        "traceback": failure.traceback,
    })
}

/// An event of the auto lane.
pub fn lane_move(event: &Move) -> Value {
    let harm = |harm: &Harm| match harm {
        Harm::Slower { factor } => json!({ "slower": factor }),
        Harm::NewError { kind } => json!({ "new_error": kind }),
    };
    let (kind, detail) = match &event.kind {
        MoveKind::CanaryStarted { gain_low } => ("canary_started", json!({ "gain_low": gain_low })),
        MoveKind::CanaryRejected { harm: why } => ("canary_rejected", json!({ "harm": harm(why) })),
        MoveKind::Moved => ("moved", json!({})),
        MoveKind::Kept { gain } => ("kept", json!({ "gain": gain })),
        MoveKind::Undone { harm: why } => ("undone", json!({ "harm": harm(why) })),
    };
    let mut view = json!({
        "at": rfc3339(event.at),
        "kind": kind,
        "from": event.from.as_str(),
        "to": event.to.as_str(),
        "runs": event.runs,
        "text": event.sentence(),
    });
    if let (Value::Object(view), Value::Object(detail)) = (&mut view, detail) {
        view.extend(detail);
    }
    view
}

/// An instant in the form of RFC 3339, in UTC.
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.as_micros())
        .map_or_else(|_| at.to_string(), |instant| instant.to_string())
}

/// Encoded arguments or an encoded result as JSON. Bytes that are no `MessagePack` are told by
/// their length.
pub fn encoded(payload: &Payload) -> Value {
    match payload.0.as_slice() {
        [] => Value::Null,
        bytes => {
            payload::json_of(bytes).unwrap_or_else(|| json!({ "undecodable_bytes": bytes.len() }))
        }
    }
}

/// A duration in milliseconds, with microseconds as its fraction.
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn policy(policy: &Policy) -> Value {
    json!({
        "attempts_max": policy.retry.attempts_max,
        "timeout_ms": policy.timeout.map(millis),
        "grace_ms": millis(policy.grace),
        "on_interrupt": policy.on_interrupt,
        "interrupts_max": policy.interrupts_max,
    })
}

fn counts(counts: &StateCounts) -> Value {
    json!({
        "scheduled": counts.scheduled,
        "ready": counts.ready,
        "running": counts.running,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "parked": counts.parked,
    })
}
