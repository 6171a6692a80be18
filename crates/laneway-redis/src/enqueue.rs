//! Adding jobs.

use std::sync::Arc;

use laneway_core::clock::micros;
use laneway_core::error::Error;
use laneway_core::policy::Policy;
use laneway_core::store::{Due, Enqueued, NewJob};
use redis::Value;

use crate::fault::damaged;
use crate::policies::name_of;
use crate::reply;
use crate::script::{Call, ENQUEUE};
use crate::store::RedisStore;
use crate::value::{self, Head, encode, encode_array};

/// Adds jobs; those whose id or unique key is known are not added again.
pub(crate) async fn enqueue(store: &RedisStore, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    // An id that is known after a repetition is one that the first call added: its producer made
    // it, and nobody else has it.
    let call = request(store.call(&ENQUEUE).repeatable(), &jobs)?;
    let (answer, is_repeated) = store.ask_noting_repetition(call).await?;
    let mut parts = reply::array(answer)?.into_iter();
    let marks = reply::bytes(parts.next().unwrap_or(Value::Nil))?;
    if marks.len() != jobs.len() {
        return Err(damaged("the answer to an enqueue does not fit it"));
    }
    let answered = jobs.iter().zip(&marks);
    let mut answers: Vec<_> = answered
        .map(|(job, mark)| Enqueued { id: job.id, created: *mark == b'1' || is_repeated })
        .collect();
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
    let mut policies: Vec<(&Arc<Policy>, String, Vec<u8>)> = Vec::new();
    let mut names = Vec::with_capacity(jobs.len());
    for job in jobs {
        let known = policies.iter().rposition(|(policy, ..)| Arc::ptr_eq(policy, &job.policy));
        let place = if let Some(place) = known {
            place
        } else {
            let packed = encode(&*job.policy)?;
            policies.push((&job.policy, name_of(&packed), packed));
            policies.len() - 1
        };
        names.push(place);
    }
    call.push(policies.len());
    for (_, name, packed) in &policies {
        call.push(name);
        call.push(packed.as_slice());
    }
    let mut rest = jobs;
    let mut rest_names = names.as_slice();
    while let (Some(first), Some(policy)) = (rest.first(), rest_names.first()) {
        let alike = rest.iter().take_while(|job| is_like(job, first)).count();
        let name = policies.get(*policy).map(|(_, name, _)| name.clone()).unwrap_or_default();
        call.push(encode_array(&Head::of(first, name))?.as_slice());
        call.push(due(first.due));
        call.push(first.limit.as_ref().map_or_else(String::new, |limit| {
            let rate = limit.rate;
            format!("{}/{}/{}", rate.count(), micros(rate.per()), rate.burst())
        }));
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
