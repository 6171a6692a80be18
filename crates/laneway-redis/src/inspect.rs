//! Looking at jobs, queues and sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;
use laneway_core::job::{Failure, Lane, Payload, QueueName, State};
use laneway_core::limit::Limit;
use laneway_core::store::{
    Finished, JobRecord, ListJobs, Page, QueueRecord, Reading, SessionRecord, StateCounts,
    is_of_content, unreadable,
};
use redis::Value;

use crate::fault::damaged;
use crate::reply;
use crate::script::{CENSUS, FINISHED, LIST, READ};
use crate::store::RedisStore;
use crate::value::{self, Body, Head, Standing};

/// The most jobs that one script looks at, so that the server answers others soon.
const LOOKS_MAX: usize = 2_000;

/// Everything known of one job.
pub(crate) async fn job(store: &RedisStore, job: JobId) -> Result<Option<JobRecord>, Error> {
    Ok(read(store, &[job], true).await?.pop())
}

/// The records of those jobs that are known, in their order.
async fn read(
    store: &RedisStore,
    jobs: &[JobId],
    with_payloads: bool,
) -> Result<Vec<JobRecord>, Error> {
    let mut call = store.call(&READ).arg(u8::from(with_payloads)).reading();
    for job in jobs {
        call.push(job.to_string());
    }
    let rows = reply::array(store.ask(call).await?)?;
    let mut records = Vec::with_capacity(rows.len());
    for (id, row) in jobs.iter().zip(rows) {
        if row != Value::Nil {
            records.push(record(store, *id, reply::array(row)?).await?);
        }
    }
    Ok(records)
}

async fn record(store: &RedisStore, id: JobId, row: Vec<Value>) -> Result<JobRecord, Error> {
    let mut row = row.into_iter();
    let mut next = || reply::optional_bytes(row.next().unwrap_or(Value::Nil));
    let (body, kept, failure) = (next()?.unwrap_or_default(), next()?, next()?);
    let (progress, gate) = (next()?, next()?);
    let mut read = Reading::default();
    let body = read.part(Body::read(&body), Body::default);
    let head = read.part(store.policies().head(body.head), Arc::<Head>::default);
    let standing = match &kept {
        Some(kept) => Standing::read(kept),
        None => Ok((Standing::new_at(body.enqueued_at), &[][..])),
    };
    let (standing, rest) = read.part(standing, || (Standing::new_at(body.enqueued_at), &[][..]));
    let policy = match store.policy(&head.policy).await {
        Err(error) if !is_of_content(&error) => return Err(error),
        policy => read.or_default(policy.flatten()),
    };
    let is_over = standing.state.is_terminal() || standing.state == State::Parked;
    let mut record = JobRecord {
        id,
        task: head.task.clone(),
        queue: head.queue.clone(),
        lane: read.part(head.lane(), || Lane::Async),
        priority: read.or_default(head.priority()),
        state: standing.state,
        token: standing.token,
        failures: standing.failures,
        interrupts: standing.interrupts,
        policy,
        handbacks: standing.handbacks,
        limit: read.or_default(limit(&head, gate.as_deref())),
        unique: head.unique(),
        enqueued_at: body.enqueued_at,
        due_at: (standing.state == State::Scheduled).then_some(standing.at),
        claimed_at: standing.claimed_at,
        finished_at: is_over.then_some(standing.at),
        wall: standing.wall,
        session: standing.session,
        cancel_asked: standing.is_cancel_asked(),
        progress: progress
            .and_then(|packed| read.part(value::decode(&packed, "a progress").map(Some), || None)),
        failure: failure.map(|kept| read.part(value::failure(&kept), no_failure)),
        args: Payload(body.args.to_vec()),
        result: (standing.state == State::Succeeded).then(|| Payload(rest.to_vec())),
        unreadable: None,
    };
    record.unreadable = read.flaws();
    Ok(record)
}

fn no_failure() -> Failure {
    Failure::new(Code::JobUnreadable, "why it failed cannot be read")
}

/// The limit of a job, at the rate that counts now.
fn limit(head: &Head, gate: Option<&[u8]>) -> Result<Option<Limit>, Error> {
    match (&head.limit, gate) {
        (Some(key), Some(gate)) => {
            Ok(Some(Limit { key: key.clone(), rate: value::gate_rate(gate)? }))
        }
        (Some(key), None) => Err(damaged(format!("the limit `{key}` has no rate"))),
        (None, _) => Ok(None),
    }
}

/// The ends of those jobs that ended or were parked.
pub(crate) async fn finished(store: &RedisStore, jobs: Vec<JobId>) -> Result<Vec<Finished>, Error> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut call = store.call(&FINISHED).reading();
    for job in &jobs {
        call.push(job.to_string());
    }
    let mut values = reply::array(store.ask(call).await?)?.into_iter();
    let mut ends = Vec::new();
    while let (Some(id), Some(kept), Some(failure)) = (values.next(), values.next(), values.next())
    {
        let kept = reply::bytes(kept)?;
        // Whether one that cannot be read has ended is not known.
        let Ok((standing, result)) = Standing::read(&kept) else { continue };
        let failure = reply::optional_bytes(failure)?;
        ends.push(Finished {
            id: value::job_id(&reply::bytes(id)?)?,
            state: standing.state,
            result: (standing.state == State::Succeeded).then(|| Payload(result.to_vec())),
            failure: failure.map(|kept| value::failure(&kept).unwrap_or_else(|e| unreadable(&e))),
        });
    }
    Ok(ends)
}

/// Jobs that match, newest first. A few thousand are looked at by each call, so a rare kind of job
/// among millions takes many calls, between which others are served.
pub(crate) async fn list(store: &RedisStore, list: ListJobs) -> Result<Page, Error> {
    let is_all = State::ALL.iter().all(|state| list.states.contains(state));
    let states: String = match list.states.as_slice() {
        _ if is_all => String::new(),
        states => states.iter().map(|state| char::from(b'0' + *state as u8)).collect(),
    };
    let mut after = list.after.map(|id| id.to_string()).unwrap_or_default();
    let mut found = Vec::new();
    loop {
        let call = store
            .call(&LIST)
            .arg(&states)
            .arg(list.queue.as_ref().map_or("", QueueName::as_str))
            .arg(list.task.as_ref().map_or("", |task| task.as_str()))
            .arg(&after)
            .arg(list.jobs_max.saturating_add(1) - found.len())
            .arg(LOOKS_MAX)
            .reading();
        let mut values = reply::array(store.ask(call).await?)?.into_iter();
        after = reply::text(values.next().unwrap_or(Value::Nil))?;
        for id in values {
            // What is no id is no job, whoever has put it there.
            found.extend(value::job_id(&reply::bytes(id)?));
        }
        if after.is_empty() || found.len() > list.jobs_max {
            break;
        }
    }
    let has_more = found.len() > list.jobs_max;
    found.truncate(list.jobs_max);
    let next = found.last().copied().filter(|_| has_more);
    let mut jobs = read(store, &found, false).await?;
    for job in &mut jobs {
        job.result = None;
    }
    Ok(Page { jobs, next })
}

/// All queues, by name.
pub(crate) async fn queues(store: &RedisStore) -> Result<Vec<QueueRecord>, Error> {
    let answer = reply::array(store.ask(store.call(&CENSUS).arg("queues").reading()).await?)?;
    let [now, queues, counts, oldest] = answer.as_slice() else {
        return Err(damaged("the answer to the census does not fit it"));
    };
    let now = Timestamp::from_micros(reply::number(now)?);
    let counts = counts_by_queue(&reply::array(counts.clone())?)?;
    let queues = reply::array(queues.clone())?;
    let oldest = reply::array(oldest.clone())?;
    let mut records = Vec::new();
    for (pair, oldest) in queues.chunks_exact(2).zip(oldest) {
        if let [name, is_paused] = pair {
            let name = String::from_utf8_lossy(&reply::bytes(name.clone())?).into_owned();
            let oldest = Some(reply::number(&oldest)?).filter(|at| *at >= 0);
            records.push(QueueRecord {
                is_paused: reply::bytes(is_paused.clone())? != b"0",
                counts: counts.get(&name).copied().unwrap_or_default(),
                oldest_ready: oldest.map(|at| now.since(Timestamp::from_micros(at))),
                name: QueueName::new(&name).unwrap_or_else(|_| QueueName::stand_in(&name)),
            });
        }
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(records)
}

fn counts_by_queue(values: &[Value]) -> Result<BTreeMap<String, StateCounts>, Error> {
    let mut counts: BTreeMap<String, StateCounts> = BTreeMap::new();
    for pair in values.chunks_exact(2) {
        let [field, jobs] = pair else { continue };
        let field = String::from_utf8_lossy(&reply::bytes(field.clone())?).into_owned();
        let (state, queue) = field.split_once(':').unwrap_or_default();
        let state = state.parse().ok().and_then(|number: usize| State::ALL.get(number).copied());
        // What somebody else has written there counts no jobs.
        let (Some(state), Ok(jobs)) = (state, reply::number(jobs)) else { continue };
        *counts.entry(queue.to_owned()).or_default().get_mut(state) =
            u64::try_from(jobs).unwrap_or(0);
    }
    Ok(counts)
}

/// The open sessions, the oldest first.
pub(crate) async fn sessions(store: &RedisStore) -> Result<Vec<SessionRecord>, Error> {
    let call = store.call(&CENSUS).arg("sessions").reading();
    let mut records = Vec::new();
    for row in reply::array(store.ask(call).await?)? {
        let row = reply::array(row)?;
        let [session, worker, opened_at, expires_at, condition, running] = row.as_slice() else {
            return Err(damaged("a session cannot be read"));
        };
        records.push(SessionRecord {
            session: value::session_id(&reply::bytes(session.clone())?)?,
            worker: reply::text(worker.clone())?,
            opened_at: Timestamp::from_micros(reply::number(opened_at)?),
            expires_at: Timestamp::from_micros(reply::number(expires_at)?),
            running: reply::number(running)?.unsigned_abs(),
            condition: reply::text(condition.clone())?,
        });
    }
    records.sort_by_key(|record| (record.opened_at, record.session));
    Ok(records)
}
