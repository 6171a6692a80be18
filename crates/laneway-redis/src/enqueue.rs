//! Adding jobs.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::job::{Payload, State};
use laneway_core::policy::Policy;
use laneway_core::store::{Due, Enqueued, JobRecord, NewJob, check_restorable};
use redis::Value;

use crate::policies::name_of;
use crate::reply;
use crate::script::{Call, ENQUEUE, RESTORE};
use crate::store::RedisStore;
use crate::value::{self, Head, encode, encode_array, rate_text};

/// Adds jobs; those whose id or unique key is known are not added again.
pub(crate) async fn enqueue(store: &RedisStore, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let call = request(store.call(&ENQUEUE).repeatable(), &jobs)?;
    answers(store, call, jobs.iter().map(|job| job.id)).await
}

/// Adds jobs as they stand in another store.
pub(crate) async fn restore(
    store: &RedisStore,
    jobs: Vec<JobRecord>,
) -> Result<Vec<Enqueued>, Error> {
    check_restorable(&jobs)?;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut policies = Named::default();
    let mut call = store.call(&RESTORE).repeatable();
    let names: Vec<_> =
        jobs.iter().map(|job| policies.name(&job.policy)).collect::<Result<_, _>>()?;
    policies.push_to(&mut call);
    for (job, name) in jobs.iter().zip(names) {
        push_restored(&mut call, job, name)?;
    }
    answers(store, call, jobs.iter().map(|job| job.id)).await
}

fn push_restored(call: &mut Call, job: &JobRecord, policy: String) -> Result<(), Error> {
    // A job that is due at no known time is due.
    let (state, at) = match (job.state, job.due_at) {
        (State::Scheduled, Some(due_at)) => (State::Scheduled, due_at),
        (State::Scheduled | State::Ready, _) => (State::Ready, Timestamp::default()),
        (state, _) => (state, job.finished_at.unwrap_or_default()),
    };
    let new = NewJob {
        id: job.id,
        task: job.task.clone(),
        queue: job.queue.clone(),
        lane: job.lane,
        priority: job.priority,
        due: Due::Now,
        unique: job.unique.clone(),
        policy: job.policy.clone(),
        limit: job.limit.clone().map(Arc::new),
        args: Payload::default(),
    };
    call.push(job.id.to_string());
    call.push(encode_array(&Head::of(&new, policy))?.as_slice());
    call.push(job.limit.as_ref().map_or_else(String::new, |limit| rate_text(limit.rate)));
    call.push(value::instant(job.enqueued_at));
    call.push(value::restored(job, state, at).as_slice());
    call.push(u8::from(job.key_held().is_some()));
    call.push(job.failure.as_ref().map(encode).transpose()?.unwrap_or_default().as_slice());
    call.push(job.progress.as_ref().map(encode).transpose()?.unwrap_or_default().as_slice());
    call.push(job.result.as_ref().map_or(&[][..], |result| &result.0));
    call.push(job.args.0.as_slice());
    Ok(())
}

/// Makes a call that adds jobs.
async fn answers(
    store: &RedisStore,
    call: Call,
    jobs: impl Iterator<Item = JobId>,
) -> Result<Vec<Enqueued>, Error> {
    // An id that is known after a repetition is one that the first call added: its producer made
    // it, and nobody else has it.
    let (answer, is_repeated) = store.ask_noting_repetition(call).await?;
    let mut parts = reply::array(answer)?.into_iter();
    let marks = reply::bytes(parts.next().unwrap_or(Value::Nil))?;
    let answered = jobs.zip(&marks);
    let mut answers: Vec<_> =
        answered.map(|(id, mark)| Enqueued { id, created: *mark == b'1' || is_repeated }).collect();
    let holders = reply::array(parts.next().unwrap_or(Value::Nil))?;
    for pair in holders.chunks_exact(2) {
        if let [place, holder] = pair {
            let place = reply::count(place)?.saturating_sub(1);
            let id = value::job_id(&reply::bytes(holder.clone())?)?;
            if let Some(answer) = answers.get_mut(place) {
                *answer = Enqueued { id, created: false };
            }
        }
    }
    Ok(answers)
}

/// The jobs of a batch mostly share what they are: those that follow each other and do are one
/// group.
fn request(mut call: Call, jobs: &[NewJob]) -> Result<Call, Error> {
    let mut policies = Named::default();
    let names: Vec<_> =
        jobs.iter().map(|job| policies.name(&job.policy)).collect::<Result<_, _>>()?;
    policies.push_to(&mut call);
    let mut rest = jobs;
    let mut rest_names = names.as_slice();
    while let (Some(first), Some(name)) = (rest.first(), rest_names.first()) {
        let alike = rest.iter().take_while(|job| is_like(job, first)).count();
        call.push(encode_array(&Head::of(first, name.clone()))?.as_slice());
        call.push(due(first.due));
        call.push(first.limit.as_ref().map_or_else(String::new, |limit| rate_text(limit.rate)));
        call.push(alike);
        for job in rest.iter().take(alike) {
            call.push(job.id.to_string());
            call.push(job.args.0.as_slice());
        }
        rest = rest.get(alike..).unwrap_or_default();
        rest_names = rest_names.get(alike..).unwrap_or_default();
    }
    Ok(call)
}

/// The policies of one call, each under its name.
#[derive(Default)]
struct Named(Vec<(Arc<Policy>, String, Vec<u8>)>);

impl Named {
    fn name(&mut self, policy: &Arc<Policy>) -> Result<String, Error> {
        if let Some((_, name, _)) = self.0.iter().rfind(|(known, ..)| Arc::ptr_eq(known, policy)) {
            return Ok(name.clone());
        }
        let packed = encode(&**policy)?;
        let name = name_of(&packed);
        self.0.push((policy.clone(), name.clone(), packed));
        Ok(name)
    }

    fn push_to(&self, call: &mut Call) {
        call.push(self.0.len());
        for (_, name, packed) in &self.0 {
            call.push(name);
            call.push(packed.as_slice());
        }
    }
}

/// Whether two jobs can stand in one group.
fn is_like(job: &NewJob, first: &NewJob) -> bool {
    Arc::ptr_eq(&job.policy, &first.policy)
        && job.queue == first.queue
        && job.task == first.task
        && job.lane == first.lane
        && job.priority == first.priority
        && job.due == first.due
        && job.limit == first.limit
        && job.unique == first.unique
}

fn due(due: Due) -> String {
    match due {
        Due::Now => String::new(),
        Due::After(wait) => format!("+{}", value::span(wait)),
        Due::At(at) => format!("@{}", value::instant(at)),
    }
}
