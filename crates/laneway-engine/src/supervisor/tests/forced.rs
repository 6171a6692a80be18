//! Timeouts, cancellations and what is done when nobody obeys.

use super::*;

fn hurried() -> Policy {
    Policy {
        timeout: Some(Duration::from_secs(5)),
        grace: Duration::from_secs(2),
        retry: Backoff { attempts_max: 2, ..Backoff::default() },
        ..Policy::default()
    }
}

/// A started attempt number 1 in a lane; gives its runner.
fn running(rig: &mut Rig, lane: Lane) -> u32 {
    rig.claim_with(lane, 1, &hurried());
    let runner = if lane == Lane::Process { 2 } else { 1 };
    if lane == Lane::Process {
        rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    }
    rig.start(runner, &[1]);
    rig.taken();
    runner
}

#[test]
fn an_attempt_is_asked_to_stop_at_its_timeout_in_every_lane() {
    for lane in Lane::ALL {
        let mut rig = Rig::new();
        let runner = running(&mut rig, lane);
        rig.pass(Duration::from_millis(4_999));
        assert_eq!(stops(&rig.taken()), [], "{lane}");
        rig.pass(Duration::from_millis(2));
        assert_eq!(stops(&rig.taken()), [(1, StopReason::Timeout)], "{lane}");
        rig.end(runner, &[1], &End::Stopped(StopReason::Timeout));
        let outcomes = rig.outcomes();
        assert!(
            matches!(&outcomes[..], [Outcome::Retry { failure, .. }] if failure.code == "LW2004"),
            "{outcomes:?}"
        );
    }
}

#[test]
fn a_process_that_does_not_stop_is_killed_and_its_attempt_settled_when_it_is_gone() {
    let mut rig = Rig::new();
    running(&mut rig, Lane::Process);
    rig.pass(Duration::from_millis(7_001));
    assert_eq!(killed(&rig.taken()), [2]);
    assert!(rig.outcomes().is_empty());
    rig.exit(2);
    assert!(matches!(&rig.outcomes()[..], [Outcome::Retry { .. }]));
    assert_eq!(rig.supervisor.report.runners_died, 0);
}

#[test]
fn a_coroutine_or_thread_that_does_not_stop_is_settled_without_it_and_its_runner_replaced() {
    for (lane, word) in [(Lane::Async, "LW2012"), (Lane::Thread, "LW2011")] {
        let mut rig = Rig::new();
        running(&mut rig, lane);
        rig.pass(Duration::from_millis(7_001));
        let commands = rig.taken();
        assert_eq!(started(&commands), [(2, Role::Main)], "{lane}");
        assert!(killed(&commands).is_empty());
        let settled = commands.iter().find_map(|command| match command {
            Command::Settle(settle) => Some(&settle.entries[0].outcome),
            _ => None,
        });
        let Some(Outcome::Retry { failure, .. }) = settled else { panic!("{settled:?}") };
        assert!(failure.message.contains(word), "{}", failure.message);
        rig.confirm();
        rig.claim(lane, 1);
        assert_eq!(sent(&rig.taken()), [(1, vec![2])], "the old one works on until then");
        rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
        rig.start(1, &[2]);
        rig.claim(lane, 1);
        assert_eq!(sent(&rig.taken()), [(2, vec![3])]);
        rig.return_from(1, &[2]);
        assert!(killed(&rig.taken()).is_empty(), "it may have measured something");
        rig.pass(Duration::from_secs(1));
        assert_eq!(killed(&rig.taken()), [1], "it keeps a stuck attempt and nothing else");
    }
}

#[test]
fn a_stuck_attempt_that_ends_after_all_lets_its_runner_end_in_peace() {
    let mut rig = Rig::new();
    running(&mut rig, Lane::Thread);
    rig.pass(Duration::from_millis(7_001));
    rig.return_from(1, &[1]);
    rig.taken();
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    let commands = rig.taken();
    assert!(killed(&commands).is_empty());
    assert!(
        commands.iter().any(|c| matches!(c, Command::Send(RunnerId(1), ToRunner::Drain))),
        "{commands:?}"
    );
}

#[test]
fn a_cancelled_attempt_is_settled_as_such_wherever_it_is() {
    let wish = Event::Renewed(Ok(vec![(JobId::from_bits(1), Token(1))]));
    for lane in Lane::ALL {
        let mut rig = Rig::new();
        let runner = running(&mut rig, lane);
        rig.tell(Event::Renewed(Ok(vec![(JobId::from_bits(1), Token(2))])));
        assert!(stops(&rig.taken()).is_empty(), "that was another claim of the job");
        rig.tell(Event::Renewed(Ok(vec![(JobId::from_bits(1), Token(1))])));
        rig.tell(Event::Renewed(Ok(vec![(JobId::from_bits(1), Token(1))])));
        assert_eq!(stops(&rig.taken()), [(1, StopReason::Cancel)], "{lane}");
        rig.end(runner, &[1], &End::Stopped(StopReason::Cancel));
        assert!(matches!(&rig.outcomes()[..], [Outcome::Cancel(_)]));
    }
    let mut rig = Rig::new();
    rig.claim(Lane::Process, 1);
    rig.tell(wish);
    assert_eq!(rig.endings(), [Ending::Cancelled], "no runner was ready for it yet");
}

#[test]
fn a_request_to_stop_overtakes_the_jobs_in_a_process_runners_socket() {
    let mut rig = Rig::new();
    running(&mut rig, Lane::Process);
    rig.return_from(2, &[1]);
    rig.confirm();
    rig.claim(Lane::Process, 5);
    rig.start(2, &[2]);
    rig.taken();
    rig.tell(Event::Renewed(Ok(vec![(JobId::from_bits(2), Token(1))])));
    let commands = rig.taken();
    let back = commands.iter().position(|c| matches!(c, Command::TakeBack(RunnerId(2))));
    let stop = commands.iter().position(|c| matches!(c, Command::Send(_, ToRunner::Stop { .. })));
    let signal = commands.iter().position(|c| matches!(c, Command::Interrupt(RunnerId(2))));
    assert!(back.unwrap() < stop.unwrap() && stop < signal, "{commands:?}");
}

#[test]
fn short_attempts_with_long_timeouts_leave_no_deadlines_behind() {
    let mut rig = Rig::new();
    for attempt in 1..=50 {
        rig.claim_with(Lane::Async, 1, &hurried());
        rig.start(1, &[attempt]);
        rig.return_from(1, &[attempt]);
        rig.confirm();
    }
    assert_eq!(rig.supervisor.deadlines.first(), None);
}
