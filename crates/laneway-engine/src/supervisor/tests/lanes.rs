//! Which attempt goes where.

use super::*;

#[test]
fn async_and_thread_jobs_go_to_the_main_runner_in_frames_of_at_most_64() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 100);
    let frames = sent(&rig.taken());
    let sizes: Vec<_> = frames.iter().map(|(runner, jobs)| (*runner, jobs.len())).collect();
    assert_eq!(sizes, [(1, 64), (1, 36)]);
}

#[test]
fn large_arguments_make_small_frames() {
    let mut rig = Rig::new();
    let jobs = (0..3).map(|_| {
        let job = rig.job(Lane::Thread, Policy::default());
        ClaimedJob { args: Payload(vec![0; 300 << 10]), ..job }
    });
    let jobs = jobs.collect();
    rig.answer_claim(jobs);
    assert_eq!(sent(&rig.taken()).len(), 3);
}

#[test]
fn process_runners_are_started_as_jobs_come_and_never_more_than_allowed() {
    let mut rig = Rig::new();
    rig.claim(Lane::Process, 1);
    assert_eq!(started(&rig.taken()), [(2, Role::Process)]);
    rig.claim(Lane::Process, 1);
    assert_eq!(started(&rig.taken()), [(3, Role::Process)]);
    rig.say(3, FromRunner::Hello(hello(&Lane::ALL)));
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    assert_eq!(sent(&rig.taken()), [(3, vec![1]), (2, vec![2])]);
}

#[test]
fn a_full_lane_is_not_claimed_for_and_a_freed_slot_is_at_once() {
    let mut rig = Rig::new();
    rig.claim(Lane::Process, 2);
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    rig.say(3, FromRunner::Hello(hello(&Lane::ALL)));
    rig.start(2, &[1]);
    rig.taken();
    rig.tell(Event::Rang);
    let slots = rig.taken().into_iter().find_map(|command| match command {
        Command::Claim(claim) => Some(claim.slots),
        _ => None,
    });
    assert!(slots.unwrap().iter().all(|slots| slots.lane != Lane::Process));
    rig.answer_claim(Vec::new());
    rig.say(
        2,
        FromRunner::Done(vec![Done {
            attempt: 1,
            end: End::Returned(Payload::default()),
            wall_us: Some(100_000),
            cpu_us: None,
            first_step: None,
        }]),
    );
    let commands = rig.taken();
    let [Command::Settle(_), Command::Claim(claim)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(claim.slots.len(), 1);
    assert_eq!((claim.slots[0].lane, claim.slots[0].count), (Lane::Process, 1));
}

/// Two process runners that have run short jobs, and 6 more jobs spread over their sockets.
fn with_look_ahead() -> Rig {
    let mut rig = Rig::new();
    rig.claim(Lane::Process, 2);
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    rig.say(3, FromRunner::Hello(hello(&Lane::ALL)));
    for (runner, attempt) in [(2, 1), (3, 2)] {
        rig.start(runner, &[attempt]);
        rig.return_from(runner, &[attempt]);
    }
    rig.confirm();
    rig.taken();
    rig.claim(Lane::Process, 6);
    rig
}

#[test]
fn after_short_runs_jobs_are_sent_ahead_evenly_and_one_a_frame() {
    let frames = sent(&with_look_ahead().taken());
    let expected = [(2, 3), (3, 4), (2, 5), (3, 6), (2, 7), (3, 8)];
    assert_eq!(frames, expected.map(|(runner, attempt)| (runner, vec![attempt])));
}

#[test]
fn the_condition_tells_what_runs_from_what_was_claimed_ahead() {
    let mut rig = with_look_ahead();
    rig.start(2, &[3]);
    rig.start(3, &[4]);
    let condition = rig.supervisor.condition(rig.now);
    assert_eq!(condition, "async 0/100, thread 0/4, process 2/2, 4 claimed ahead");
    rig.return_from(3, &[4, 6, 8]);
    rig.return_from(2, &[3, 5, 7]);
    assert_eq!(rig.supervisor.condition(rig.now), "async 0/100, thread 0/4, process 0/2");
}

#[test]
fn jobs_behind_one_that_proves_long_are_taken_back_and_given_to_an_idle_runner() {
    let mut rig = with_look_ahead();
    let orders = orders(rig.taken());
    rig.start(2, &[3]);
    rig.start(3, &[4, 6, 8]);
    rig.return_from(3, &[4, 6, 8]);
    rig.pass(Duration::from_millis(30));
    assert_eq!(taken_back(&rig.taken()), [2]);
    let behind = orders.into_iter().filter(|run| [5, 7].contains(&run.attempt)).collect();
    rig.tell(Event::TakenBack { runner: RunnerId(2), runs: behind });
    rig.confirm();
    let commands = rig.taken();
    assert_eq!(sent(&commands), [(3, vec![5])]);
    let endings: Vec<_> = rig.endings().into_iter().filter(|e| *e == Ending::Released).collect();
    assert_eq!(endings.len(), 1, "the other one goes back to the store");
}

#[test]
fn a_task_that_is_not_known_is_handed_back_and_in_the_end_parked() {
    let mut rig = Rig::new();
    let jobs = [0, 3, 9].map(|handbacks| {
        let job = rig.job(Lane::Async, Policy::default());
        ClaimedJob { task: TaskName::new("gone").unwrap(), handbacks, ..job }
    });
    rig.answer_claim(jobs.into());
    let outcomes = rig.outcomes();
    let [
        Outcome::HandBack { after: first },
        Outcome::HandBack { after: later },
        Outcome::Park(why),
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((first.as_secs(), later.as_secs()), (1, 8));
    assert_eq!(why.code, Code::TaskUnknown.to_string());
    assert!(sent(&rig.taken()).is_empty());
}

#[test]
fn a_job_that_needs_a_process_is_handed_back_where_there_are_none() {
    let concurrency = crate::Concurrency { async_jobs: 1, threads: 1, processes: 0 };
    let mut rig = Rig::with(WorkerOptions { concurrency, ..WorkerOptions::default() });
    let job = rig.job(Lane::Process, Policy::default());
    rig.answer_claim(vec![ClaimedJob { lane: Lane::Async, ..job }]);
    assert_eq!(rig.endings(), [Ending::HandedBack]);
}

#[test]
fn a_job_runs_in_the_lane_its_task_has_now_and_takes_the_slot_it_was_claimed_for() {
    let mut rig = Rig::new();
    let job = rig.job(Lane::Process, Policy::default());
    rig.answer_claim(vec![ClaimedJob { lane: Lane::Async, ..job }]);
    assert_eq!(started(&rig.taken()), [(2, Role::Process)]);
    assert_eq!(rig.supervisor.attempts.held(Lane::Async), 1);
    assert_eq!(rig.supervisor.attempts.held(Lane::Process), 0);
}
