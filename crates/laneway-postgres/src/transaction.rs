//! Adding a job inside a transaction that is not ours.

use laneway_core::error::{Code, Error};
use laneway_core::store::{Due, NewJob};
use serde_json::json;

use crate::value;

/// A statement that adds one job, for a driver of the caller's own. It has two parameters, `$1` and
/// `$2`: the description and the arguments. Its row is the job's id and whether it is a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueueing {
    /// The name of the function that is called, with its schema and quoted.
    pub function: String,
    /// The job as JSON.
    pub job: String,
    /// The encoded arguments.
    pub args: Vec<u8>,
}

/// Describes a job to the function `enqueue_job` of a schema, whose name is quoted.
pub(crate) fn enqueueing(schema: &str, job: NewJob) -> Result<Enqueueing, Error> {
    let (due, wait) = match job.due {
        Due::Now => (None, None),
        Due::After(wait) => (None, Some(value::span_column(wait))),
        Due::At(instant) => (Some(instant.as_micros()), None),
    };
    let key = job.unique.as_ref().map(|key| key.text.as_str());
    if key.is_some_and(|key| key.contains('\0')) {
        return Err(Error::new(Code::TaskOptionInvalid, "a unique key contains the character NUL")
            .why("it is passed on as JSON text, which PostgreSQL keeps without that character"));
    }
    let limit = job.limit.as_ref().map(|limit| {
        let rate = limit.rate;
        json!({
            "key": value::text(&limit.key),
            "count": rate.count(),
            "per": value::span_column(rate.per()),
            "burst": rate.burst(),
        })
    });
    let described = json!({
        "id": format!("{:032x}", job.id.bits()),
        "task": job.task.as_str(),
        "queue": job.queue.as_str(),
        "lane": value::lane_column(job.lane),
        "urgency": value::urgency(job.priority),
        "policy": value::policy_column(&job.policy)?,
        "due": due,
        "wait": wait,
        "scope": job.unique.as_ref().map(|key| value::scope_column(key.scope)),
        "key": key,
        "limit": limit,
    });
    Ok(Enqueueing {
        function: format!("{schema}.enqueue_job"),
        job: described.to_string(),
        args: job.args.0,
    })
}
