//! From Python's tuples to a store's jobs.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::duration::SECONDS_MAX;
use laneway_core::error::{Code, Error};
use laneway_core::job::Payload;
use laneway_core::store::{BATCH_MAX, Due, Enqueued, NewJob, Store, UniqueKey, UniqueScope};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::raised;
use crate::identity;
use crate::template::JobTemplate;

/// (template, arguments, delay in seconds, due instant in epoch seconds, unique key).
type Item<'py> = (
    Bound<'py, JobTemplate>,
    Bound<'py, PyBytes>,
    Option<f64>,
    Option<f64>,
    Option<(Bound<'py, PyAny>, String)>,
);

/// Reads the jobs of one call and gives each its id.
pub(super) fn new_jobs(items: &Bound<'_, PyAny>, payload_max: usize) -> PyResult<Vec<NewJob>> {
    let mut ids = identity::job_ids(items.len()?).map_err(raised)?.into_iter();
    let mut jobs = Vec::with_capacity(ids.len());
    for item in items.try_iter()? {
        let (template, args, delay, due_at, unique) = item?.extract::<Item<'_>>()?;
        let template = template.get();
        let args = args.as_bytes();
        check_size(template, args.len(), payload_max).map_err(raised)?;
        // A sequence that grew while it was read has no more ids than it had items.
        let Some(id) = ids.next() else { break };
        jobs.push(NewJob {
            id,
            task: template.task.clone(),
            queue: template.queue.clone(),
            lane: template.lane,
            priority: template.priority,
            due: due(delay, due_at).map_err(raised)?,
            unique: unique.map(unique_key).transpose()?,
            policy: template.policy.clone(),
            limit: template.limit.clone(),
            args: Payload(args.to_vec()),
        });
    }
    Ok(jobs)
}

/// Hands jobs to a store in batches that it accepts, all of them at once, and gives one answer.
///
/// The futures are polled in order, so that batches enter the store in order. When one batch fails,
/// others may have been added: "all or none" holds for each [`BATCH_MAX`] jobs.
pub(super) async fn in_batches(
    store: &impl Store,
    mut jobs: Vec<NewJob>,
) -> Result<Vec<Enqueued>, Error> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    if jobs.len() <= BATCH_MAX {
        return store.enqueue(jobs).await;
    }
    let mut batches = Vec::with_capacity(jobs.len().div_ceil(BATCH_MAX));
    while !jobs.is_empty() {
        let rest = jobs.split_off(jobs.len().min(BATCH_MAX));
        batches.push(Batch::UnderWay(Box::pin(store.enqueue(jobs))));
        jobs = rest;
    }
    let answers = poll_fn(|context| {
        let mut is_ready = true;
        for batch in &mut batches {
            if let Batch::UnderWay(call) = batch {
                match call.as_mut().poll(context) {
                    Poll::Ready(answer) => *batch = Batch::Answered(answer),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready { Poll::Ready(std::mem::take(&mut batches)) } else { Poll::Pending }
    })
    .await;
    let mut all = Vec::new();
    for batch in answers {
        if let Batch::Answered(answer) = batch {
            all.extend(answer?);
        }
    }
    Ok(all)
}

enum Batch<F> {
    UnderWay(Pin<Box<F>>),
    Answered(Result<Vec<Enqueued>, Error>),
}

fn check_size(template: &JobTemplate, size: usize, payload_max: usize) -> Result<(), Error> {
    if size <= payload_max {
        return Ok(());
    }
    Err(Error::new(
        Code::PayloadTooLarge,
        format!("the arguments of task `{}` have {size} bytes", template.task),
    )
    .why(format!("the most is `payload_max`, {payload_max} bytes")))
}

fn due(delay: Option<f64>, due_at: Option<f64>) -> Result<Due, Error> {
    let impossible =
        |what: String, why: &str| Err(Error::new(Code::TaskOptionInvalid, what).why(why));
    match (delay, due_at) {
        (None, None) => Ok(Due::Now),
        (Some(seconds), None) if (0.0..=SECONDS_MAX).contains(&seconds) => {
            Ok(Due::After(Duration::from_secs_f64(seconds)))
        }
        (Some(seconds), None) => {
            let why = "a delay is not negative and at most 100 years";
            impossible(format!("a job cannot wait for {seconds} s"), why)
        }
        (None, Some(seconds)) if (0.0..=INSTANT_MAX).contains(&seconds) => {
            Ok(Due::At(Timestamp::default().plus(Duration::from_secs_f64(seconds))))
        }
        (None, Some(seconds)) => {
            let why = "an instant is a number of seconds after 1970 and before the year 10000";
            impossible(format!("a job cannot be due at {seconds} s"), why)
        }
        (Some(_), Some(_)) => {
            let why = "a job is due after a delay or at an instant";
            impossible("a job cannot have a delay and a due instant".to_owned(), why)
        }
    }
}

/// The last second of the year 9999, the last that RFC 3339 can write.
const INSTANT_MAX: f64 = 253_402_300_799.0;

fn unique_key((scope, text): (Bound<'_, PyAny>, String)) -> PyResult<UniqueKey> {
    let scope = match scope.extract::<&str>()? {
        "unfinished" => UniqueScope::Unfinished,
        "kept" => UniqueScope::Kept,
        other => {
            return Err(raised(
                Error::new(
                    Code::TaskOptionInvalid,
                    format!("`{other}` is not the scope of a unique key"),
                )
                .why("the scopes are `unfinished` and `kept`")
                .closest(other, ["unfinished", "kept"]),
            ));
        }
    };
    Ok(UniqueKey { scope, text })
}
