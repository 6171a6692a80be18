//! Talk with the store, and its loss.

use super::*;

fn unreachable() -> Error {
    Error::new(Code::StoreUnavailable, "gone")
}

#[test]
fn ends_and_the_claim_for_the_freed_slots_go_together() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 96);
    rig.taken();
    rig.pass(Duration::from_secs(1));
    rig.answer_claim((0..4).map(|_| rig_job(&mut Rig::new())).collect());
    rig.taken();
    rig.return_from(1, &(1..=96).collect::<Vec<_>>());
    let commands = rig.taken();
    let kinds: Vec<_> = commands
        .iter()
        .map(|command| match command {
            Command::Settle(settle) => ("settle", settle.entries.len()),
            Command::Claim(claim) => ("claim", claim.slots.len()),
            _ => ("other", 0),
        })
        .filter(|(kind, _)| *kind != "other")
        .collect();
    assert_eq!(kinds, [("settle", 96), ("claim", 1)]);
}

fn rig_job(rig: &mut Rig) -> ClaimedJob {
    rig.job(Lane::Async, Policy::default())
}

#[test]
fn with_too_many_unconfirmed_ends_nothing_is_claimed() {
    let concurrency = crate::Concurrency { async_jobs: 6_000, threads: 0, processes: 0 };
    let mut rig = Rig::with(WorkerOptions { concurrency, ..WorkerOptions::default() });
    for _ in 0..6 {
        rig.claim(Lane::Async, 1_000);
    }
    rig.taken();
    rig.return_from(1, &(1..=5_001).collect::<Vec<_>>());
    rig.tell(Event::Rang);
    let commands = rig.taken();
    assert!(!commands.iter().any(|command| matches!(command, Command::Claim(_))), "{commands:?}");
    rig.confirm();
    assert!(rig.taken().iter().any(|command| matches!(command, Command::Claim(_))));
}

#[test]
fn a_store_that_cannot_be_reached_is_told_once_and_its_settlements_are_kept() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.return_from(1, &[1]);
    rig.taken();
    rig.tell(Event::Settled(Err(unreachable())));
    for _ in 0..3 {
        assert!(!rig.taken().iter().any(|command| matches!(command, Command::Settle(_))));
        rig.pass(Duration::from_secs(6));
        assert!(matches!(&rig.outcomes()[..], [Outcome::Succeed(_)]));
        rig.tell(Event::Settled(Err(unreachable())));
    }
    rig.pass(Duration::from_secs(6));
    rig.confirm();
    let mut happenings = Vec::new();
    rig.supervisor.take_happenings(&mut happenings);
    let words: Vec<_> = happenings
        .iter()
        .filter_map(|happening| match happening {
            Happening::StoreTroubled { .. } => Some("troubled"),
            Happening::StoreRecovered { .. } => Some("recovered"),
            _ => None,
        })
        .collect();
    assert_eq!(words, ["troubled", "recovered"]);
}

#[test]
fn a_renewal_that_succeeds_ends_the_pauses_of_what_failed() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.return_from(1, &[1]);
    rig.pass(Duration::from_secs(2));
    for _ in 0..10 {
        rig.tell(Event::Claimed(Err(unreachable())));
        rig.tell(Event::Settled(Err(unreachable())));
        rig.pass(Duration::from_secs(6));
    }
    rig.tell(Event::Claimed(Err(unreachable())));
    rig.tell(Event::Settled(Err(unreachable())));
    rig.taken();
    rig.pass(Duration::from_millis(10));
    assert!(rig.taken().is_empty(), "the pauses have grown");
    rig.tell(Event::Renewed(Ok(Vec::new())));
    let commands = rig.taken();
    assert!(commands.iter().any(|command| matches!(command, Command::Claim(_))), "{commands:?}");
    assert!(commands.iter().any(|command| matches!(command, Command::Settle(_))), "{commands:?}");
}

#[test]
fn a_store_that_is_damaged_ends_the_worker() {
    let mut rig = Rig::new();
    rig.tell(Event::Claimed(Err(Error::new(Code::StoreCorrupt, "damaged"))));
    rig.exit(1);
    assert!(rig.supervisor.is_finished());
    assert_eq!(rig.supervisor.into_report().1.unwrap().code(), Code::StoreCorrupt);
}

#[test]
fn the_loss_of_the_session_fences_every_attempt() {
    for is_told_by_claim in [false, true] {
        let mut rig = Rig::new();
        rig.claim(Lane::Async, 2);
        rig.start(1, &[1, 2]);
        rig.claim(Lane::Process, 1);
        rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
        rig.start(2, &[3]);
        rig.return_from(1, &[2]);
        rig.taken();
        rig.tell(if is_told_by_claim {
            Event::Claimed(Err(Error::new(Code::SessionLost, "gone")))
        } else {
            Event::SessionLost(SESSION)
        });
        let commands = rig.taken();
        assert!(commands.iter().any(|c| matches!(c, Command::ReplaceSession(s) if *s == SESSION)));
        assert_eq!(stops(&commands), [(1, StopReason::Cancel)]);
        assert_eq!(killed(&commands), [2]);
        rig.exit(2);
        rig.end(1, &[1], &End::Stopped(StopReason::Cancel));
        rig.tell(Event::SessionOpened(SessionId::from_bits(8)));
        rig.pass(Duration::from_millis(10));
        assert_eq!(rig.endings(), [Ending::Succeeded, Ending::Fenced, Ending::Fenced]);
        assert!(rig.outcomes().is_empty());
    }
}

#[test]
fn the_loss_of_a_session_that_was_replaced_already_means_nothing() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.taken();
    rig.tell(Event::SessionLost(SessionId::from_bits(6)));
    assert!(rig.taken().is_empty());
}

#[test]
fn progress_is_passed_on_with_the_token_of_the_claim() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 1);
    rig.taken();
    let report = |attempt| crate::protocol::ProgressReport {
        attempt,
        done: 1.0,
        of: None,
        note: String::new(),
    };
    rig.say(1, FromRunner::Progress(vec![report(1), report(99)]));
    let commands = rig.taken();
    let [Command::Report(1, SESSION, progress)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((progress.job, progress.token), (JobId::from_bits(1), Token(1)));
}
