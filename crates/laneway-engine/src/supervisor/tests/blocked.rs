//! Event loops that do not turn.

use laneway_core::profile::{Blockage, Interpreter, LoopId, Place, ProfileKey, Site, SizeBucket};

use super::*;
use crate::observer::Blocker;
use crate::protocol::Stuck;

const STEP: Duration = Duration::from_millis(2_900);

fn stuck(attempt: u64, since: Duration) -> FromRunner {
    let place = Place::new("shop/pay.py", 7, "pay");
    FromRunner::Stuck(Some(Box::new(Stuck {
        attempt,
        key: ProfileKey {
            task: TaskName::new("async.do").unwrap(),
            lane: Lane::Async,
            size_bucket: SizeBucket::of(1),
            interpreter: Interpreter::new("cpython-313"),
        },
        event_loop: LoopId(9),
        place: Some(place.clone()),
        site: Some(Site::new(place, Blockage::Call, since)),
        blockage: Blockage::Call,
        since,
        cpu: Duration::ZERO,
        run_delay: None,
    })))
}

fn policy() -> Policy {
    let (timeout, grace) = (Some(Duration::from_secs(1)), Duration::from_secs(2));
    Policy { timeout, grace, ..Policy::default() }
}

/// Two started attempts, the second of which blocks the loop for ever.
fn blocked() -> Rig {
    let mut rig = Rig::new();
    rig.claim_with(Lane::Async, 2, &policy());
    rig.start(1, &[1, 2]);
    rig.loops_turn = false;
    rig.pass(STEP);
    rig.say(1, stuck(2, STEP));
    rig
}

fn happenings(rig: &mut Rig) -> Vec<Happening> {
    let mut happenings = Vec::new();
    rig.supervisor.take_happenings(&mut happenings);
    happenings
}

#[test]
fn the_task_and_the_line_are_told_once_while_they_block() {
    let mut rig = blocked();
    rig.say(1, stuck(2, STEP * 2));
    let told: Vec<_> = happenings(&mut rig)
        .into_iter()
        .filter_map(|happening| match happening {
            Happening::TaskBlocked { task, site, is_over } => Some((task, site.longest, is_over)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(TaskName::new("async.do").unwrap(), STEP, false)]);
}

#[test]
fn a_run_whose_runner_is_killed_leaves_its_step_its_line_and_its_time() {
    let mut rig = blocked();
    rig.exit(1);
    let calls = rig.supervisor.last_profiles(SESSION);
    let [profile] = &calls[0].profiles[..] else { panic!("{calls:?}") };
    assert_eq!((profile.runs(), profile.errors_count), (1, 1));
    assert_eq!((profile.step_sum, profile.blocked.sum(), profile.span()), (STEP, STEP, STEP));
    assert_eq!(profile.sites.iter().next().map(|site| site.place.line), Some(7));
    assert_eq!(profile.errors.iter().next(), Some(("timeout", 1)));
}

#[test]
fn a_step_that_has_ended_is_not_measured_again_when_its_runner_dies() {
    let endings: [fn(&mut Rig); 3] = [
        |rig| rig.say(1, FromRunner::Stuck(None)),
        |rig| rig.end(1, &[2], &End::Returned(Payload(Vec::new()))),
        // The thread that looks at the loop may have looked before the end, and tell it after.
        |rig| {
            rig.end(1, &[2], &End::Returned(Payload(Vec::new())));
            rig.say(1, stuck(2, STEP));
        },
    ];
    for end in endings {
        let mut rig = blocked();
        end(&mut rig);
        rig.exit(1);
        assert!(rig.supervisor.last_profiles(SESSION).is_empty());
    }
}

/// It was said to go on though it was cancelled; but its loop never gave it a turn.
#[test]
fn an_attempt_that_had_no_turn_is_not_blamed_for_not_stopping() {
    let mut rig = blocked();
    rig.pass(Duration::from_millis(100));
    let outcomes = rig.outcomes();
    let messages: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Retry { failure, .. } | Outcome::Fail(failure) => Some(&failure.message[..]),
            _ => None,
        })
        .collect();
    let of = "it ran longer than its timeout of 1s and";
    let at = "its event loop at shop/pay.py:7";
    assert_eq!(
        messages,
        [
            format!("{of} could not be cancelled, because `async.do` blocks {at} (LW2012)"),
            format!("{of} blocks {at}, so it cannot be cancelled (LW2012)"),
        ]
    );
}

#[test]
fn what_was_done_with_the_jobs_behind_a_blocked_loop_is_told_with_the_present_step() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 3);
    rig.start(1, &[1]);
    let unread: Vec<_> = orders(rig.taken()).into_iter().filter(|run| run.attempt == 3).collect();
    rig.loops_turn = false;
    rig.pass(Duration::from_secs(1));
    rig.say(1, stuck(1, Duration::from_millis(300)));
    rig.pass(Duration::from_millis(500));
    assert_eq!(taken_back(&rig.taken()), [1]);
    rig.tell(Event::TakenBack { runner: RunnerId(1), runs: unread });
    let told = happenings(&mut rig).into_iter().find_map(|happening| match happening {
        Happening::LoopBlocked { by: Some(by), waiting, taken_back, .. } => {
            Some((by, waiting, taken_back))
        }
        _ => None,
    });
    let by = Blocker {
        task: TaskName::new("async.do").unwrap(),
        place: Some(Place::new("shop/pay.py", 7, "pay")),
        since: Duration::from_millis(300),
    };
    assert_eq!(told, Some((by, 2, 1)));
    let condition = rig.supervisor.condition(rig.now);
    let end = "s, at last 0.3 s by async.do at shop/pay.py:7";
    assert!(condition.ends_with(end), "{condition}");
}

#[test]
fn one_step_that_takes_all_the_time_is_told_without_a_second_time() {
    let rig = blocked();
    let condition = rig.supervisor.condition(rig.now);
    assert!(condition.ends_with(" s by async.do at shop/pay.py:7"), "{condition}");
}
