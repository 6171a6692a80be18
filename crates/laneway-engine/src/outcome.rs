//! What an attempt's end means for its job.

use std::time::Duration;

use laneway_core::duration;
use laneway_core::error::{Code, Error};
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::{Failure, Lane};
use laneway_core::store::Outcome;

use crate::attempts::Attempt;
use crate::observer::Ending;
use crate::protocol::{End, StopReason};

/// Handbacks after which a job whose task nobody knows waits for a person.
const HANDBACKS_MAX: u32 = 9;

const HANDBACK_LONGEST: Duration = Duration::from_secs(60);

/// The meaning of the end that a runner reported. `random` is uniform in `[0, 1)`.
///
/// A result counts even when it came after the request to stop: the work is done.
pub(crate) fn of_end(attempt: &Attempt, end: End, random: f64) -> Outcome {
    match (end, attempt.stop) {
        (End::Returned(result), _) => Outcome::Succeed(result),
        (End::Raised { failure, retryable: true, after, is_wish }, None) => {
            match of_failure(attempt, failure, after, random) {
                Outcome::Fail(failure) if is_wish => Outcome::Fail(asked_in_vain(attempt, failure)),
                outcome => outcome,
            }
        }
        (End::Raised { failure, .. }, None) => Outcome::Fail(failure),
        (End::Raised { failure, .. }, Some(StopReason::Timeout)) => {
            let late = Failure {
                traceback: failure.traceback.clone(),
                kind: failure.kind.clone(),
                ..timed_out(attempt, &format!("and then raised: {}", text_of(&failure)))
            };
            of_failure(attempt, late, None, random)
        }
        (End::Raised { .. }, Some(reason)) | (End::Stopped(reason), _) => {
            of_stop(attempt, reason, "and was stopped", random)
        }
    }
}

/// The meaning of the end of an attempt that obeyed, or was made to obey, the request to stop.
/// `how` completes the sentence "it ran longer than its timeout".
pub(crate) fn of_stop(attempt: &Attempt, reason: StopReason, how: &str, random: f64) -> Outcome {
    match reason {
        StopReason::Timeout => of_failure(attempt, timed_out(attempt, how), None, random),
        StopReason::Cancel => {
            Outcome::Cancel(Failure::new(Code::JobCancelled, "it was cancelled while it ran"))
        }
        StopReason::Shutdown => of_shutdown(attempt),
    }
}

/// The meaning of an attempt that its own worker cut short to end. It says nothing about the job,
/// so it does not count towards poison: a long job survives any number of deployments.
fn of_shutdown(attempt: &Attempt) -> Outcome {
    match attempt.policy.on_interrupt {
        OnInterrupt::Retry => Outcome::Release,
        OnInterrupt::Park => Outcome::Park(Failure::new(
            Code::OutcomeUnknown,
            "its worker was told to end and the attempt did not end in time",
        )),
    }
}

/// The meaning of the death of an attempt's runner. `cause` is how the runner ended.
pub(crate) fn of_death(attempt: &Attempt, cause: Failure, random: f64) -> Outcome {
    match attempt.stop {
        Some(reason) if attempt.started_at().is_some() => {
            of_stop(attempt, reason, "and its runner had to be killed", random)
        }
        None if attempt.started_at().is_some() => Outcome::Interrupt(cause),
        reason => of_unstarted(reason),
    }
}

/// The meaning of an attempt that will not start here.
pub(crate) fn of_unstarted(stop: Option<StopReason>) -> Outcome {
    match stop {
        Some(StopReason::Cancel) => {
            Outcome::Cancel(Failure::new(Code::JobCancelled, "it was cancelled before it started"))
        }
        Some(StopReason::Timeout | StopReason::Shutdown) | None => Outcome::Release,
    }
}

/// The meaning of an end by force in a runner that lives on. `why` tells of an event loop that did
/// not hear the request to stop.
pub(crate) fn of_force(
    attempt: &Attempt,
    reason: StopReason,
    why: Option<&str>,
    random: f64,
) -> Outcome {
    let how = match (attempt.lane, why) {
        (Lane::Thread, _) => "and its thread goes on (LW2011)".to_owned(),
        (_, Some(why)) => format!("{why} (LW2012)"),
        (_, None) => "and goes on though it was cancelled (LW2012)".to_owned(),
    };
    of_stop(attempt, reason, &how, random)
}

/// The meaning of a job whose task is not known here.
pub(crate) fn of_unknown_task(handbacks: u32, unknown: &Error) -> Outcome {
    if handbacks >= HANDBACKS_MAX {
        let message = format!("{}; it was handed back {handbacks} times", unknown.what());
        return Outcome::Park(Failure::new(Code::TaskUnknown, message));
    }
    let after = Duration::from_secs(1 << handbacks).min(HANDBACK_LONGEST);
    Outcome::HandBack { after }
}

fn of_failure(
    attempt: &Attempt,
    failure: Failure,
    after: Option<Duration>,
    random: f64,
) -> Outcome {
    let failures = attempt.failures.saturating_add(1);
    match attempt.policy.retry.delay_after(failures, random) {
        Some(delay) => Outcome::Retry { after: after.unwrap_or(delay), failure },
        None => Outcome::Fail(failure),
    }
}

/// The failure of a task that wants another attempt and gets none: a wish that is not granted in
/// silence looks like a fault of the worker.
fn asked_in_vain(attempt: &Attempt, mut failure: Failure) -> Failure {
    let attempts = match attempt.policy.retry.attempts_max {
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    };
    let refusal = format!("the task asked to be tried again, but its policy allows {attempts}");
    failure.message = match failure.message.as_str() {
        "" => refusal,
        wish => format!("{wish} ({refusal})"),
    };
    failure
}

/// What an exception says, or its name when it says nothing.
fn text_of(failure: &Failure) -> &str {
    if failure.message.is_empty() { &failure.kind } else { &failure.message }
}

fn timed_out(attempt: &Attempt, how: &str) -> Failure {
    let timeout = attempt.policy.timeout.map(duration::format).unwrap_or_default();
    let message = format!("it ran longer than its timeout of {timeout} {how}");
    Failure::new(Code::AttemptTimedOut, message)
}

/// What an outcome is called, and why it did not succeed.
pub(crate) fn ending(outcome: &Outcome) -> (Ending, Option<&Failure>) {
    match outcome {
        Outcome::Succeed(_) => (Ending::Succeeded, None),
        Outcome::Retry { after, failure } => (Ending::Retried(*after), Some(failure)),
        Outcome::Fail(failure) => (Ending::Failed, Some(failure)),
        Outcome::Cancel(failure) => (Ending::Cancelled, Some(failure)),
        Outcome::Release => (Ending::Released, None),
        Outcome::HandBack { .. } => (Ending::HandedBack, None),
        Outcome::Interrupt(failure) => (Ending::Interrupted, Some(failure)),
        Outcome::Park(failure) => (Ending::Parked, Some(failure)),
    }
}

#[cfg(test)]
mod tests;
