//! What people decide about jobs and queues, and the deleting of old jobs.

use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::job::{QueueName, State};
use laneway_core::store::{Cancelled, Prune, Requeued};

use crate::fault::damaged;
use crate::reply;
use crate::script::{CONTROL, PRUNE};
use crate::store::RedisStore;
use crate::value;

/// The most jobs that one script deletes.
const SLICE: usize = 200;

/// Cancels jobs: waiting ones at once, running ones by asking their worker.
pub(crate) async fn cancel(store: &RedisStore, jobs: Vec<JobId>) -> Result<Vec<Cancelled>, Error> {
    let answers = decide(store, "cancel", &jobs).await?;
    let cancelled = |mark| match mark {
        b'0' => Ok(Cancelled::Unknown),
        b'1' => Ok(Cancelled::Done),
        b'2' => Ok(Cancelled::Asked),
        b'3' => Ok(Cancelled::TooLate),
        _ => Err(damaged("the answer to a cancellation cannot be read")),
    };
    answers.into_iter().map(cancelled).collect()
}

/// Makes failed, cancelled and parked jobs ready again.
pub(crate) async fn requeue(store: &RedisStore, jobs: Vec<JobId>) -> Result<Vec<Requeued>, Error> {
    let answers = decide(store, "requeue", &jobs).await?;
    let requeued = |mark: u8| match mark {
        b'-' => Ok(Requeued::Unknown),
        b'+' => Ok(Requeued::Done),
        _ => State::ALL
            .get(usize::from(mark.wrapping_sub(b'0')))
            .map(|state| Requeued::Refused(*state))
            .ok_or_else(|| damaged("the answer to a requeue cannot be read")),
    };
    answers.into_iter().map(requeued).collect()
}

async fn decide(store: &RedisStore, verb: &str, jobs: &[JobId]) -> Result<Vec<u8>, Error> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut call = store.call(&CONTROL).arg(verb);
    for job in jobs {
        call.push(job.to_string());
    }
    let answers = reply::bytes(store.ask(call).await?)?;
    if answers.len() != jobs.len() {
        return Err(damaged("the answer to a decision does not fit it"));
    }
    Ok(answers)
}

/// Stops handing out jobs of a queue.
pub(crate) async fn pause(store: &RedisStore, queue: &QueueName) -> Result<(), Error> {
    let call = store.call(&CONTROL).arg("pause").arg(queue.as_str()).repeatable();
    store.ask(call).await.map(drop)
}

/// Hands out jobs of a queue again.
pub(crate) async fn resume(store: &RedisStore, queue: &QueueName) -> Result<(), Error> {
    let call = store.call(&CONTROL).arg("resume").arg(queue.as_str()).repeatable();
    store.ask(call).await.map(drop)
}

/// Deletes ended jobs that are old enough, a slice at a time.
pub(crate) async fn prune(store: &RedisStore, prune: Prune) -> Result<usize, Error> {
    let mut pruned = 0;
    while pruned < prune.jobs_max {
        let slice = (prune.jobs_max - pruned).min(SLICE);
        let call = store.call(&PRUNE).arg(value::span(prune.older_than)).arg(slice);
        let answer = reply::array(store.ask(call).await?)?;
        let [gone, more] = answer.as_slice() else {
            return Err(damaged("the answer to a pruning does not fit it"));
        };
        pruned += reply::count(gone)?;
        if reply::count(more)? == 0 {
            break;
        }
    }
    Ok(pruned)
}
