use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::id::{JobId, Token};
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::{Lane, Payload, Priority, TaskName};
use laneway_core::limit::{Limit, Rate};
use laneway_core::policy::Policy;
use laneway_core::store::{UniqueKey, UniqueScope};
use proptest::prelude::*;

use super::*;

fn record(state: State) -> JobRecord {
    JobRecord {
        id: JobId::from_bits(7),
        task: TaskName::new("shop.pay").unwrap(),
        queue: QueueName::new("café \"1\"\n").unwrap_or_else(|_| QueueName::default_queue()),
        lane: Lane::Thread,
        priority: Priority::new(-100).unwrap(),
        state,
        token: Token(u64::MAX),
        failures: 2,
        interrupts: 1,
        handbacks: 9,
        policy: Arc::new(Policy::default()),
        limit: Some(Limit { key: "smtp".to_owned(), rate: "3/10s".parse::<Rate>().unwrap() }),
        unique: Some(UniqueKey { scope: UniqueScope::Kept, text: "k\u{1b}".to_owned() }),
        enqueued_at: Timestamp::from_micros(1_700_000_000_000_001),
        due_at: Some(Timestamp::from_micros(i64::MAX)),
        claimed_at: Some(Timestamp::from_micros(-1)),
        finished_at: None,
        wall: Some(std::time::Duration::from_micros(1_234_567)),
        session: None,
        cancel_asked: false,
        progress: Some((0.1, Some(3.0), "note".to_owned())),
        failure: Some(Failure::new(Code::TaskRaised, "no\nsuch card")),
        args: Payload(vec![0, 255, 10]),
        result: Some(Payload(Vec::new())),
        unreadable: None,
    }
}

fn through_text(line: &Line) -> Line {
    let mut text = Vec::new();
    write(&mut text, line).unwrap();
    assert_eq!(text.split(|byte| *byte == b'\n').count(), 2);
    let mut lines: Vec<_> = read(text.as_slice()).collect();
    lines.remove(0).unwrap()
}

#[test]
fn a_job_survives_its_line_in_every_state() {
    for state in State::ALL {
        let line = Line::Job(Box::new(record(state)));
        assert_eq!(through_text(&line), line);
    }
}

#[test]
fn what_is_no_line_of_an_export_is_refused_with_its_number() {
    for (text, why) in [
        ("{}", "missing field `schema`"),
        ("hello", "expected value"),
        (r#"{"schema":2,"kind":"end","jobs":0}"#, "its schema is 2, and this build reads 1"),
        (r#"{"schema":1,"kind":"song"}"#, "unknown variant `song`"),
        (r#"{"schema":1,"kind":"queue","name":"","is_paused":false}"#, "queue"),
    ] {
        let error = read(format!("\n{text}\n").as_bytes()).next().unwrap().unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.what(), "line 2 is not of an export");
        assert!(error.reason().contains(why), "{text}: {}", error.reason());
    }
}

#[test]
fn a_running_job_becomes_what_its_policy_says() {
    let at = Timestamp::from_micros(5);
    let under = |on_interrupt, interrupts_max| {
        let policy = Policy { on_interrupt, interrupts_max, ..Policy::default() };
        JobRecord { policy: Arc::new(policy), ..record(State::Running) }
    };
    for (job, state) in [
        (under(OnInterrupt::Retry, 3), State::Ready),
        (under(OnInterrupt::Retry, 2), State::Failed),
        (under(OnInterrupt::Park, 9), State::Parked),
        (JobRecord { cancel_asked: true, ..under(OnInterrupt::Retry, 9) }, State::Cancelled),
    ] {
        let left = interrupted(job, at).unwrap();
        assert_eq!((left.state, left.interrupts, left.token), (state, 2, Token(u64::MAX)));
        assert_eq!(left.finished_at.is_some(), state != State::Ready);
        assert!(left.failure.unwrap().message.ends_with(INTERRUPTED) && !left.cancel_asked);
    }
}

proptest! {
    #[test]
    fn a_policy_and_a_progress_survive_to_their_last_bit(
        factor in 1.0_f64..1e9,
        done in any::<f64>().prop_filter("a number", |done| done.is_finite()),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut job = record(State::Ready);
        let mut policy = Policy::default();
        policy.retry.factor = factor;
        job.policy = Arc::new(policy);
        job.progress = Some((done, None, String::new()));
        job.args = Payload(bytes);
        let line = Line::Job(Box::new(job));
        prop_assert_eq!(through_text(&line), line);
    }
}

/// What stands in for a name or a policy must not be run by the store that it is taken to.
#[test]
fn a_job_of_which_something_cannot_be_read_is_exported_as_failed() {
    let now = Timestamp::from_micros(9);
    let flawed = |state| {
        let unreadable = Some("its policy is missing".to_owned());
        runnable(JobRecord { unreadable, ..record(state) }, now)
    };
    for state in [State::Scheduled, State::Ready, State::Running, State::Parked] {
        let job = flawed(state);
        assert_eq!((job.state, job.finished_at, job.due_at), (State::Failed, Some(now), None));
        let failure = job.failure.unwrap();
        assert_eq!(failure.code, Code::JobUnreadable.to_string());
        assert!(failure.message.ends_with("its policy is missing"));
    }
    assert_eq!(flawed(State::Succeeded).state, State::Succeeded);
    assert_eq!(runnable(record(State::Ready), now), record(State::Ready));
}
