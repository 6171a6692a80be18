//! From Python's tuples to a store's jobs.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
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

/// Hands jobs to a store in batches that it accepts, a few of them at once, and gives one answer.
///
/// The calls are polled in their order, so that batches enter the store in order. When one batch
/// fails, no further one is begun, but those before it were added: "all or none" holds for each
/// [`BATCH_MAX`] jobs.
pub(super) async fn in_batches(
    store: &impl Store,
    mut jobs: Vec<NewJob>,
) -> Result<Vec<Enqueued>, Error> {
    if jobs.len() <= BATCH_MAX {
        return if jobs.is_empty() { Ok(Vec::new()) } else { store.enqueue(jobs).await };
    }
    let mut answer = Ok(Vec::with_capacity(jobs.len()));
    // Batches are taken from the end of the list, which is therefore turned around first.
    jobs.reverse();
    let mut under_way = VecDeque::with_capacity(BATCHES_AT_ONCE);
    loop {
        while under_way.len() < BATCHES_AT_ONCE && !jobs.is_empty() {
            let mut batch = jobs.split_off(jobs.len().saturating_sub(BATCH_MAX));
            batch.reverse();
            under_way.push_back(Batch::Begun(Box::pin(store.enqueue(batch))));
        }
        let Some(added) = poll_fn(|context| poll_in_order(&mut under_way, context)).await else {
            return answer;
        };
        match (&mut answer, added) {
            (Ok(all), Ok(added)) => all.extend(added),
            (Ok(_), Err(error)) => {
                jobs.clear();
                answer = Err(error);
            }
            (Err(_), _) => {}
        }
    }
}

/// So many batches keep the store's writer busy while the next ones are made.
const BATCHES_AT_ONCE: usize = 4;

/// A call of the store.
enum Batch<F> {
    Begun(Pin<Box<F>>),
    Answered(Result<Vec<Enqueued>, Error>),
}

/// Drives all calls; gives the answer of the first once it is there, `None` when there is no call.
fn poll_in_order<F>(
    under_way: &mut VecDeque<Batch<F>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Vec<Enqueued>, Error>>>
where
    F: Future<Output = Result<Vec<Enqueued>, Error>>,
{
    for batch in under_way.iter_mut() {
        if let Batch::Begun(call) = batch
            && let Poll::Ready(answer) = call.as_mut().poll(context)
        {
            *batch = Batch::Answered(answer);
        }
    }
    match under_way.pop_front() {
        Some(Batch::Answered(answer)) => Poll::Ready(Some(answer)),
        Some(begun) => {
            under_way.push_front(begun);
            Poll::Pending
        }
        None => Poll::Ready(None),
    }
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
