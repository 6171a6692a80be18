//! What happens in a worker, as JSON for programs.

use laneway_core::error::Error;
use laneway_core::job::QueueName;
use laneway_core::store::Swept;
use laneway_core::verdict::auto::LaneMove;
use laneway_engine::{AttemptEnded, Blocker, Ending, Happening, WorkerReport};
use serde_json::{Value, json};

use super::journal::Start;
use crate::cli::humane;
use crate::cli::output::{Output, error_view};
use crate::view;

/// A worker that has imported its application and begins.
pub(super) fn starting(start: &Start<'_>) -> Value {
    let tasks = start.manifest.tasks.iter().map(|task| {
        json!({
            "name": task.name.as_str(), "lane": task.lane.as_str(), "queue": task.queue.as_str(),
        })
    });
    let concurrency = start.options.concurrency;
    event(
        "starting",
        json!({
            "pid": std::process::id(),
            "name": start.options.name,
            "store": start.store.value.to_string(),
            "store_origin": start.store.origin.to_string(),
            "app": start.manifest.name,
            "tasks": tasks.collect::<Vec<_>>(),
            "queues": names(&start.queues),
            "concurrency": {
                "async": concurrency.async_jobs,
                "thread": concurrency.threads,
                "process": concurrency.processes,
            },
            "python": start.python.path.display().to_string(),
            "listen": start.listen.map(|address| address.to_string()),
        }),
    )
}

/// A worker that has ended.
pub(super) fn ended(report: &WorkerReport) -> Value {
    event(
        "ended",
        json!({
            "succeeded": report.succeeded,
            "retried": report.retried,
            "failed": report.failed,
            "cancelled": report.cancelled,
            "released": report.released,
            "handed_back": report.handed_back,
            "interrupted": report.interrupted,
            "parked": report.parked,
            "fenced": report.fenced,
            "stale": report.stale,
            "unsettled": report.unsettled,
            "runners_died": report.runners_died,
        }),
    )
}

/// Tells a program that reads the events why the worker ends before its time.
pub(in crate::cli) fn tell_failure(error: &Error, output: &mut Output) {
    if output.is_json() {
        output.json(event("failed", json!({ "error": error_view(error) })));
    }
}

/// Something that happened.
pub(super) fn happened(happening: &Happening) -> Value {
    match happening {
        Happening::Ready { session, queues } => {
            event("ready", json!({ "session": session.to_string(), "queues": names(queues) }))
        }
        Happening::RunnerReady { .. }
        | Happening::RunnerDied { .. }
        | Happening::RunnerRetired { .. }
        | Happening::LoopBlocked { .. }
        | Happening::TaskBlocked { .. } => of_runner(happening),
        Happening::LaneMoved(moved) => event("lane_moved", of_move(moved)),
        Happening::TookOver { tasks } => {
            let tasks = tasks.iter().map(
                |owner| json!({ "task": owner.task.as_str(), "application": owner.application }),
            );
            event("took_over", json!({ "tasks": tasks.collect::<Vec<_>>() }))
        }
        Happening::TasksRefused { error } => {
            event("tasks_refused", json!({ "error": error_view(error) }))
        }
        Happening::AttemptEnded(attempt) => event("attempt_ended", of_attempt(attempt)),
        Happening::SessionLost { session, held } => {
            event("session_lost", json!({ "session": session.to_string(), "held": held }))
        }
        Happening::SessionOpened { session } => {
            event("session_opened", json!({ "session": session.to_string() }))
        }
        Happening::StoreTroubled { error } => {
            event("store_troubled", json!({ "error": error_view(error) }))
        }
        Happening::StoreRecovered { after } => {
            event("store_recovered", json!({ "after_ms": view::millis(*after) }))
        }
        Happening::Swept(swept) => event("swept", of_sweep(swept)),
        Happening::Pruned { jobs } => event("pruned", json!({ "jobs": jobs })),
        Happening::Draining { running } => event("draining", json!({ "running": running })),
        Happening::DrainTimedOut { running } => {
            event("drain_timed_out", json!({ "running": running }))
        }
        other => event("other", json!({ "text": format!("{other:?}") })),
    }
}

fn of_blocker(by: &Blocker) -> Value {
    json!({
        "task": by.task.as_str(),
        "file": by.place.as_ref().map(|place| place.file.as_str()),
        "line": by.place.as_ref().map(|place| place.line),
        "since_ms": view::millis(by.since),
    })
}

fn of_runner(happening: &Happening) -> Value {
    match happening {
        Happening::RunnerReady { runner, kind, pid, took } => event(
            "runner_ready",
            json!({
                "runner": runner, "kind": kind.as_str(), "pid": pid, "took_ms": view::millis(*took),
            }),
        ),
        Happening::RunnerDied { runner, kind, how } => event(
            "runner_died",
            json!({
                "runner": runner, "kind": kind.as_str(), "how": how,
            }),
        ),
        Happening::RunnerRetired { runner, kind, why } => event(
            "runner_retired",
            json!({
                "runner": runner, "kind": kind.as_str(), "why": why,
            }),
        ),
        Happening::LoopBlocked { runner, since, by, waiting, taken_back } => event(
            "loop_blocked",
            json!({
                "runner": runner,
                "since_ms": view::millis(*since),
                "by": by.as_ref().map(of_blocker),
                "waiting": waiting,
                "taken_back": taken_back,
            }),
        ),
        Happening::TaskBlocked { task, site, is_over } => event(
            "task_blocked",
            json!({
                "task": task.as_str(),
                "is_over": is_over,
                "file": site.place.file,
                "line": site.place.line,
                "function": site.place.function,
                "blockage": site.blockage.as_str(),
                "longest_ms": view::millis(site.longest),
                "stack": site.stack.lines().collect::<Vec<_>>(),
            }),
        ),
        other => event("other", json!({ "text": format!("{other:?}") })),
    }
}

fn of_move(moved: &LaneMove) -> Value {
    let mut fields = view::lane_move(&moved.record());
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("at");
        fields.insert("task".to_owned(), json!(moved.task.as_str()));
        fields.insert("args_bytes_min".to_owned(), json!(moved.size_bucket.bytes_min()));
        fields.insert("args_bytes_max".to_owned(), json!(moved.size_bucket.bytes_max()));
    }
    fields
}

fn of_attempt(attempt: &AttemptEnded) -> Value {
    let retry_after = match attempt.ending {
        Ending::Retried(after) => Some(view::millis(after)),
        _ => None,
    };
    json!({
        "job": attempt.job.to_string(),
        "task": attempt.task.as_str(),
        "queue": attempt.queue.as_str(),
        "lane": attempt.lane.as_str(),
        "number": attempt.number,
        "ending": ending(attempt.ending),
        "retry_after_ms": retry_after,
        "wait_ms": attempt.wait.map(view::millis),
        "wall_ms": attempt.wall.map(view::millis),
        "cpu_ms": attempt.cpu.map(view::millis),
        "failure": attempt.failure.as_ref().map(view::failure),
    })
}

fn of_sweep(swept: &Swept) -> Value {
    json!({
        "sessions_expired": swept.sessions_expired,
        "released": swept.released,
        "parked": swept.parked,
        "failed": swept.failed,
        "promoted": swept.promoted,
    })
}

/// The name of an ending.
pub(super) const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Succeeded => "succeeded",
        Ending::Retried(_) => "retried",
        Ending::Failed => "failed",
        Ending::Cancelled => "cancelled",
        Ending::Released => "released",
        Ending::HandedBack => "handed_back",
        Ending::Interrupted => "interrupted",
        Ending::Parked => "parked",
        Ending::Fenced => "fenced",
    }
}

fn names(queues: &[QueueName]) -> Vec<&str> {
    queues.iter().map(QueueName::as_str).collect()
}

fn event(name: &str, fields: Value) -> Value {
    let mut event = json!({ "event": name, "at": view::rfc3339(humane::now()) });
    if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
        event.extend(fields);
    }
    event
}
