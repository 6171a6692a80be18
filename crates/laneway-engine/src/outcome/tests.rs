use std::sync::Arc;

use laneway_core::backoff::Backoff;
use laneway_core::clock::Timestamp;
use laneway_core::id::{JobId, Token};
use laneway_core::job::{Payload, QueueName, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::ClaimedJob;

use super::*;
use crate::attempts::Stage;
use crate::clock::Moment;
use crate::fleet::RunnerId;
use crate::protocol::AppManifest;
use crate::tasks::{KnownTask, TaskTable};

fn table() -> Arc<TaskTable> {
    Arc::new(TaskTable::new(AppManifest {
        name: "shop:app".to_owned(),
        identity: "shop:app".to_owned(),
        store: None,
        tasks: Vec::new(),
    }))
}

/// An attempt that runs, of a job that may be tried twice.
fn attempt(failures: u32, stop: Option<StopReason>) -> Attempt {
    let policy = Policy {
        retry: Backoff { attempts_max: 2, jitter: 0.0, ..Backoff::default() },
        timeout: Some(Duration::from_secs(5)),
        ..Policy::default()
    };
    let job = ClaimedJob {
        id: JobId::from_bits(1),
        token: Token(1),
        task: TaskName::new("charge").unwrap(),
        queue: QueueName::default_queue(),
        lane: Lane::Async,
        failures,
        interrupts: 0,
        handbacks: 0,
        policy: Arc::new(policy),
        args: Payload::default(),
        ready_at: Timestamp::default(),
    };
    let known = KnownTask { index: 0, lane: Lane::Async, is_movable: false };
    let mut attempt = Attempt::new(job, known, &table(), Timestamp::default(), Moment::default());
    attempt.stage = Stage::Started(RunnerId(1), Moment::default());
    attempt.stop = stop;
    attempt
}

fn raised(retryable: bool, after: Option<Duration>) -> End {
    let failure = Failure { kind: "E".to_owned(), ..Failure::new(Code::TaskRaised, "boom") };
    End::Raised { failure, retryable, after, is_wish: false }
}

fn code(outcome: &Outcome) -> &str {
    ending(outcome).1.map_or("", |failure| &failure.code)
}

#[test]
fn exceptions_are_retried_as_the_policy_grants() {
    let second = Duration::from_secs(1);
    for (failures, end, expected) in [
        (0, raised(true, None), Ending::Retried(second)),
        (0, raised(true, Some(second * 9)), Ending::Retried(second * 9)),
        (0, raised(false, None), Ending::Failed),
        (1, raised(true, None), Ending::Failed),
        (1, raised(true, Some(second)), Ending::Failed),
    ] {
        let outcome = of_end(&attempt(failures, None), end.clone(), 0.5);
        assert_eq!(ending(&outcome).0, expected, "{failures} {end:?}");
        assert_eq!(code(&outcome), "LW2010");
    }
}

#[test]
fn a_stop_decides_the_meaning_of_an_end_unless_the_work_was_done() {
    use StopReason::{Cancel, Shutdown, Timeout};
    let second = Duration::from_secs(1);
    for (stop, end, expected, number) in [
        (Some(Cancel), End::Returned(Payload::default()), Ending::Succeeded, ""),
        (Some(Timeout), End::Returned(Payload::default()), Ending::Succeeded, ""),
        (Some(Cancel), End::Stopped(Cancel), Ending::Cancelled, "LW2009"),
        (Some(Cancel), raised(true, None), Ending::Cancelled, "LW2009"),
        (Some(Timeout), End::Stopped(Timeout), Ending::Retried(second), "LW2004"),
        (Some(Timeout), raised(false, None), Ending::Retried(second), "LW2004"),
        (Some(Shutdown), End::Stopped(Shutdown), Ending::Released, ""),
        (Some(Shutdown), raised(true, None), Ending::Released, ""),
    ] {
        let outcome = of_end(&attempt(0, stop), end.clone(), 0.5);
        assert_eq!((ending(&outcome).0, code(&outcome)), (expected, number), "{stop:?} {end:?}");
    }
}

#[test]
fn a_timeout_says_how_long_and_what_was_raised() {
    let outcome = of_end(&attempt(1, Some(StopReason::Timeout)), raised(true, None), 0.5);
    let (_, failure) = ending(&outcome);
    let failure = failure.unwrap();
    assert_eq!(failure.message, "it ran longer than its timeout of 5s and then raised: boom");
    assert_eq!(failure.kind, "E");
}

#[test]
fn a_wish_for_another_attempt_that_is_not_granted_is_told() {
    let asks = |message: &str| End::Raised {
        failure: Failure {
            kind: "app.RateLimited".to_owned(),
            ..Failure::new(Code::TaskRaised, message)
        },
        retryable: true,
        after: Some(Duration::from_secs(1)),
        is_wish: true,
    };
    let refusal = "the task asked to be tried again, but its policy allows 2 attempts";
    for (failures, message, expected) in [
        (0, "", String::new()),
        (1, "", refusal.to_owned()),
        (1, "be patient", format!("be patient ({refusal})")),
    ] {
        let outcome = of_end(&attempt(failures, None), asks(message), 0.5);
        assert_eq!(ending(&outcome).1.unwrap().message, expected);
    }
}

#[test]
fn a_late_exception_without_a_text_is_named() {
    let failure = Failure { kind: "KeyError".to_owned(), ..Failure::new(Code::TaskRaised, "") };
    let end = End::Raised { failure, retryable: true, after: None, is_wish: false };
    let outcome = of_end(&attempt(1, Some(StopReason::Timeout)), end, 0.5);
    assert!(ending(&outcome).1.unwrap().message.ends_with("and then raised: KeyError"));
}

#[test]
fn a_death_interrupts_what_has_started_and_releases_what_has_not() {
    use StopReason::{Cancel, Shutdown, Timeout};
    for (stop, is_started, expected) in [
        (None, true, Ending::Interrupted),
        (None, false, Ending::Released),
        (Some(Cancel), true, Ending::Cancelled),
        (Some(Cancel), false, Ending::Cancelled),
        (Some(Timeout), true, Ending::Retried(Duration::from_secs(1))),
        (Some(Shutdown), true, Ending::Released),
        (Some(Shutdown), false, Ending::Released),
    ] {
        let mut attempt = attempt(0, stop);
        if !is_started {
            attempt.stage = Stage::Sent(RunnerId(1));
        }
        let outcome = of_death(&attempt, Failure::new(Code::RunnerDied, "boom"), 0.5);
        assert_eq!(ending(&outcome).0, expected, "{stop:?} {is_started}");
    }
}

#[test]
fn a_shutdown_parks_what_must_not_run_twice() {
    let mut attempt = attempt(0, Some(StopReason::Shutdown));
    let policy = Policy { on_interrupt: OnInterrupt::Park, ..(*attempt.policy).clone() };
    attempt.policy = Arc::new(policy);
    let outcome = of_end(&attempt, End::Stopped(StopReason::Shutdown), 0.5);
    assert_eq!((ending(&outcome).0, code(&outcome)), (Ending::Parked, "LW2008"));
}

#[test]
fn an_unknown_task_is_handed_back_ever_later_and_parked_the_tenth_time() {
    let unknown = table().unknown(&TaskName::new("charge").unwrap());
    let seconds: Vec<_> = (0..10)
        .map(|handbacks| match of_unknown_task(handbacks, &unknown) {
            Outcome::HandBack { after } => after.as_secs(),
            Outcome::Park(failure) => {
                assert_eq!(failure.code, "LW2003");
                0
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60, 0]);
}
