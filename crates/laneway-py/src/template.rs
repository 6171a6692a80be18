//! What jobs of one task and one set of options have in common, checked once.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::backoff::Backoff;
use laneway_core::duration::SECONDS_MAX;
use laneway_core::error::{Code, Error};
use laneway_core::interrupt::{INTERRUPTS_MAX_DEFAULT, OnInterrupt};
use laneway_core::job::{Lane, Priority, QueueName, TaskName};
use laneway_core::limit::{Limit, Rate};
use laneway_core::policy::{GRACE_DEFAULT, Policy};
use pyo3::prelude::*;

use crate::error::raised;

/// (`attempts_max`, first, factor, cap, jitter), times in seconds.
type Retry = (i64, f64, f64, f64, f64);

/// (key, count, per, burst), the time in seconds.
type RateLimit = (String, i64, f64, i64);

/// What jobs of one task and one set of options have in common.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct JobTemplate {
    pub(crate) task: TaskName,
    pub(crate) queue: QueueName,
    pub(crate) lane: Lane,
    pub(crate) priority: Priority,
    pub(crate) policy: Arc<Policy>,
    pub(crate) limit: Option<Arc<Limit>>,
}

#[pymethods]
impl JobTemplate {
    #[new]
    #[pyo3(signature = (
        task, *, queue, lane, priority, retry, timeout, grace, on_interrupt, interrupts_max, limit
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of the decorator")]
    fn new(
        task: &str,
        queue: &str,
        lane: &str,
        priority: i64,
        retry: Option<Retry>,
        timeout: Option<f64>,
        grace: Option<f64>,
        on_interrupt: &str,
        interrupts_max: Option<i64>,
        limit: Option<RateLimit>,
    ) -> PyResult<Self> {
        let check = || -> Result<Self, Error> {
            let policy = Policy {
                retry: retry.map(backoff).transpose()?.unwrap_or_default(),
                timeout: timeout.map(|value| positive("timeout", value)).transpose()?,
                grace: grace.map_or(Ok(GRACE_DEFAULT), |value| seconds("grace", value))?,
                on_interrupt: interrupt_rule(on_interrupt)?,
                interrupts_max: interrupts_max
                    .map_or(Ok(INTERRUPTS_MAX_DEFAULT), |value| count("interrupts_max", value))?,
            };
            Ok(Self {
                task: TaskName::new(task)?,
                queue: QueueName::new(queue)?,
                lane: lane.parse()?,
                priority: Priority::new(priority)?,
                policy: Arc::new(policy),
                limit: limit.map(rate_limit).transpose()?.map(Arc::new),
            })
        };
        check().map_err(|error| raised(of_task(task, &error)))
    }

    fn __repr__(&self) -> String {
        format!("<JobTemplate of {} in {}, lane {}>", self.task, self.queue, self.lane)
    }
}

/// The error with the code of task options and the task's name.
fn of_task(task: &str, error: &Error) -> Error {
    Error::new(Code::TaskOptionInvalid, format!("task `{task}`: {}", error.what()))
        .why(error.reason())
        .fix(error.remedy())
}

fn impossible(option: &str, value: &str, why: &str) -> Error {
    Error::new(Code::TaskOptionInvalid, format!("`{option}` cannot be {value}")).why(why)
}

fn seconds(option: &str, value: f64) -> Result<Duration, Error> {
    if (0.0..=SECONDS_MAX).contains(&value) {
        return Ok(Duration::from_secs_f64(value));
    }
    let why = "a duration is not negative and at most 100 years";
    Err(impossible(option, &format!("{value} s"), why))
}

fn positive(option: &str, value: f64) -> Result<Duration, Error> {
    let duration = seconds(option, value)?;
    if duration.is_zero() {
        return Err(impossible(
            option,
            "0 s",
            "an attempt needs some time; leave it out for no bound",
        ));
    }
    Ok(duration)
}

fn count(option: &str, value: i64) -> Result<u32, Error> {
    u32::try_from(value)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| impossible(option, &value.to_string(), "it counts from 1 to 4,294,967,295"))
}

fn backoff((attempts_max, first, factor, cap, jitter): Retry) -> Result<Backoff, Error> {
    if !factor.is_finite() || factor < 1.0 {
        let why = "each further wait is multiplied by it, so it is at least 1";
        return Err(impossible("retry.factor", &factor.to_string(), why));
    }
    if !(0.0..=1.0).contains(&jitter) {
        let why = "it is the share of the wait that is random, between 0 and 1";
        return Err(impossible("retry.jitter", &jitter.to_string(), why));
    }
    Ok(Backoff {
        attempts_max: count("retry.attempts", attempts_max)?,
        first: seconds("retry.first", first)?,
        factor,
        cap: seconds("retry.cap", cap)?,
        jitter,
    })
}

fn interrupt_rule(text: &str) -> Result<OnInterrupt, Error> {
    match text {
        "retry" => Ok(OnInterrupt::Retry),
        "park" => Ok(OnInterrupt::Park),
        other => Err(impossible("on_interrupt", &format!("`{other}`"), "it is `retry` or `park`")
            .closest(other, ["retry", "park"])),
    }
}

fn rate_limit((key, starts, per, burst): RateLimit) -> Result<Limit, Error> {
    // A limit's key obeys the rules of a queue's name: it is shown in the same places.
    QueueName::new(&key)
        .map_err(|error| impossible("limit.key", &format!("{key:?}"), error.reason()))?;
    Ok(Limit { key, rate: rate(starts, per, burst)? })
}

/// A rate from the numbers of Python's `Rate`.
pub(crate) fn rate(starts: i64, per: f64, burst: i64) -> Result<Rate, Error> {
    Rate::new(
        count("limit.count", starts)?,
        positive("limit.per", per)?,
        count("limit.burst", burst)?,
    )
}
