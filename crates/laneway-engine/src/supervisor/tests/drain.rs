//! The end of a worker.

use super::*;

#[test]
fn a_drain_releases_what_waits_takes_back_what_is_unread_and_claims_no_more() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 3);
    let orders = orders(rig.taken());
    rig.start(1, &[1]);
    rig.claim(Lane::Process, 1);
    rig.taken();
    rig.tell(Event::Phase(Phase::Drain));
    assert_eq!(taken_back(&rig.taken()), [1]);
    let unread = orders.into_iter().filter(|run| run.attempt > 1).collect();
    rig.tell(Event::TakenBack { runner: RunnerId(1), runs: unread });
    assert_eq!(rig.endings(), [Ending::Released; 3]);
    rig.tell(Event::Rang);
    assert!(!rig.taken().iter().any(|command| matches!(command, Command::Claim(_))));
}

#[test]
fn jobs_of_a_claim_that_was_under_way_are_released() {
    let mut rig = Rig::new();
    assert!(rig.supervisor.claims.is_under_way());
    rig.tell(Event::Phase(Phase::Drain));
    rig.claim(Lane::Async, 2);
    assert_eq!(rig.endings(), [Ending::Released; 2]);
}

#[test]
fn a_worker_has_ended_when_runners_are_gone_and_everything_is_settled() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.start(1, &[1]);
    rig.tell(Event::Phase(Phase::Drain));
    rig.taken();
    rig.return_from(1, &[1]);
    let commands = rig.taken();
    assert!(commands.iter().any(|c| matches!(c, Command::Send(_, ToRunner::Drain))));
    rig.exit(1);
    assert!(!rig.supervisor.is_finished());
    rig.confirm();
    assert!(rig.supervisor.is_finished());
    let (report, fatal) = rig.supervisor.into_report();
    assert_eq!((report.succeeded, report.unsettled, report.runners_died, fatal), (1, 0, 0, None));
}

/// A worker of the former release that gave up its store at once would have its longest attempts
/// interrupted and started elsewhere while they still run.
#[test]
fn a_worker_whose_store_was_migrated_settles_what_it_runs_and_says_why_it_ends() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.start(1, &[1]);
    rig.taken();
    for _ in 0..2 {
        rig.tell(Event::StoreOutdated(Error::new(Code::StoreTooNew, "migrated")));
        rig.tell(Event::Renewed(Ok(Vec::new())));
    }
    let told = rig.supervisor.happenings.iter();
    let told = told.filter(|told| matches!(told, Happening::StoreTroubled { .. })).count();
    assert_eq!(told, 1);
    assert!(!rig.taken().iter().any(|command| matches!(command, Command::Claim(_))));
    rig.return_from(1, &[1]);
    assert!(rig.endings().contains(&Ending::Succeeded));
    assert!(rig.taken().iter().any(|command| matches!(command, Command::Settle(_))));
    rig.exit(1);
    rig.confirm();
    assert!(rig.supervisor.is_finished());
    let (report, fatal) = rig.supervisor.into_report();
    assert_eq!((report.succeeded, report.unsettled), (1, 0));
    assert_eq!(fatal.unwrap().code(), Code::StoreTooNew);
}

#[test]
fn what_outlasts_the_drain_is_asked_to_stop_and_then_killed() {
    let mut rig = Rig::new();
    rig.claim(Lane::Thread, 1);
    rig.start(1, &[1]);
    rig.tell(Event::Phase(Phase::Drain));
    rig.taken();
    rig.pass(Duration::from_millis(30_001));
    assert_eq!(stops(&rig.taken()), [(1, StopReason::Shutdown)]);
    rig.pass(Duration::from_secs(5));
    assert_eq!(killed(&rig.taken()), [1]);
    rig.exit(1);
    assert_eq!(rig.endings(), [Ending::Released]);
}

#[test]
fn a_drain_that_cannot_reach_its_store_gives_up_and_says_what_it_could_not_settle() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.start(1, &[1]);
    rig.return_from(1, &[1]);
    rig.tell(Event::Phase(Phase::Drain));
    rig.exit(1);
    rig.pass(Duration::from_secs(39));
    assert!(!rig.supervisor.is_finished());
    rig.pass(Duration::from_secs(2));
    assert!(rig.supervisor.is_finished());
    assert_eq!(rig.supervisor.into_report().0.unsettled, 1);
}

#[test]
fn a_runner_that_does_not_end_is_killed() {
    let mut rig = Rig::new();
    rig.tell(Event::Phase(Phase::Drain));
    rig.taken();
    rig.pass(Duration::from_millis(5_001));
    assert_eq!(killed(&rig.taken()), [1]);
}

#[test]
fn a_runner_that_gets_ready_too_late_is_sent_home() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.start(1, &[1]);
    rig.claim(Lane::Process, 1);
    rig.tell(Event::Phase(Phase::Drain));
    rig.taken();
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    let commands = rig.taken();
    assert!(commands.iter().any(|c| matches!(c, Command::Send(RunnerId(2), ToRunner::Drain))));
}
