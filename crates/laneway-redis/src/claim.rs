//! Handing out jobs.

use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::Payload;
use laneway_core::store::{Claim, Claimed, ClaimedJob, Outcome, Settle, Settlement, unreadable};
use redis::Value;

use crate::fault::damaged;
use crate::reply;
use crate::script::CLAIM;
use crate::settle::{put_back, settle};
use crate::store::RedisStore;
use crate::value::{self, Body, Standing};

/// The most jobs of one lane that one script hands out; a script of that size takes milliseconds.
const JOBS_MAX: usize = 4_000;

/// How long jobs are put back whose policies stand behind a key that somebody has to mend.
const MENDING_WAIT: Duration = Duration::from_secs(10);

/// Takes ready jobs.
pub(crate) async fn claim(store: &RedisStore, claim: Claim) -> Result<Claimed, Error> {
    let mut call = store
        .call(&CLAIM)
        .arg(claim.session.to_string())
        .arg(claim.call)
        .arg(claim.queues.len())
        .repeatable();
    for queue in claim.queues.iter() {
        call.push(queue.as_str());
    }
    for slots in &claim.slots {
        call.push(slots.lane as u8);
        call.push(slots.count.min(JOBS_MAX));
    }
    let answer = store.ask(call).await?;
    if answer == Value::Int(-1) {
        return Err(session_lost(claim.session));
    }
    let mut values = reply::array(answer)?.into_iter();
    let mut next = || values.next().unwrap_or(Value::Nil);
    let now = Timestamp::from_micros(reply::number(&next())?);
    let next_due_at = Some(reply::number(&next())?).filter(|at| *at >= 0);
    let mut next_due_at = next_due_at.map(Timestamp::from_micros);
    let (mut jobs, mut failed, mut put_aside) = (Vec::new(), Vec::new(), Vec::new());
    let mut foreign = None;
    while let Some(id) = reply::optional_bytes(next())? {
        let id = value::job_id(&id)?;
        let standing = reply::bytes(next())?;
        let (standing, _) = Standing::read(&standing)?;
        let body = reply::bytes(next())?;
        match found(store, id, &standing, &body, &mut foreign).await? {
            Found::Job(job) => jobs.push(job),
            Found::Unreadable(error) => {
                let outcome = Outcome::Fail(unreadable(&error));
                failed.push(Settlement { job: id, token: standing.token, outcome, timing: None });
            }
            Found::WithoutPolicy => put_aside.push((id, standing.token)),
        }
    }
    if !failed.is_empty() {
        settle(store, Settle { session: claim.session, entries: failed }).await?;
        // There may be others for the places that stay free.
        next_due_at = Some(now);
    }
    if let Some(error) = foreign {
        put_back(store, claim.session, &put_aside, MENDING_WAIT).await?;
        // The others come with the repetition of the call.
        return Err(error);
    }
    Ok(Claimed { jobs, next_due_at, now })
}

/// What a job that was claimed turns out to be.
enum Found {
    /// As its worker gets it.
    Job(ClaimedJob),
    /// Not what a job is, and why.
    Unreadable(Error),
    /// Its policy cannot be told, since another value stands where policies are.
    WithoutPolicy,
}

/// Reads a job. Once `foreign` tells what stands in the place of policies, nobody asks again.
async fn found(
    store: &RedisStore,
    id: JobId,
    standing: &Standing,
    body: &[u8],
    foreign: &mut Option<Error>,
) -> Result<Found, Error> {
    let parts = Body::read(body).and_then(|body| {
        let head = store.policies().head(body.head)?;
        Ok((head.lane()?, head, body))
    });
    let (lane, head, body) = match parts {
        Ok(parts) => parts,
        Err(error) => return Ok(Found::Unreadable(error)),
    };
    let policy = match (store.policies().get(&head.policy), foreign.is_some()) {
        (Some(policy), _) => policy,
        (None, true) => return Ok(Found::WithoutPolicy),
        (None, false) => match store.policy(&head.policy).await {
            Ok(Ok(policy)) => policy,
            Ok(Err(error)) => return Ok(Found::Unreadable(error)),
            Err(error) if error.code() == Code::StorePartForeign => {
                *foreign = Some(error);
                return Ok(Found::WithoutPolicy);
            }
            Err(error) => return Err(error),
        },
    };
    Ok(Found::Job(ClaimedJob {
        id,
        token: standing.token,
        task: head.task.clone(),
        queue: head.queue.clone(),
        lane,
        failures: standing.failures,
        interrupts: standing.interrupts,
        handbacks: standing.handbacks,
        policy,
        args: Payload(body.args.to_vec()),
        ready_at: standing.at,
    }))
}

/// The refusal of a session that is not open.
pub(crate) fn session_lost(session: SessionId) -> Error {
    Error::new(Code::SessionLost, format!("session {session} is not open"))
        .why("its lease ran out and it was swept, or it was closed or never opened")
}

/// A policy that a job names is missing.
pub(crate) fn policy_missing(name: &str) -> Error {
    damaged(format!("there is no policy `{name}`"))
}
