//! Lives and deaths of runners.

use super::*;

#[test]
fn a_death_interrupts_what_ran_and_releases_what_did_not() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 3);
    rig.start(1, &[1, 2]);
    rig.exit(1);
    let outcomes = rig.outcomes();
    let [Outcome::Interrupt(first), Outcome::Interrupt(_), Outcome::Release] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(first.code, Code::RunnerDied.to_string());
    assert!(first.message.contains("SIGSEGV"));
}

#[test]
fn a_dead_main_runner_is_replaced_after_a_short_pause() {
    let mut rig = Rig::new();
    rig.exit(1);
    assert!(started(&rig.taken()).is_empty());
    rig.pass(Duration::from_millis(100));
    assert_eq!(started(&rig.taken()), [(2, Role::Main)]);
}

#[test]
fn runners_that_never_get_ready_end_the_worker_after_five_tries() {
    let mut rig = Rig::new();
    rig.exit(1);
    for runner in 2..=6 {
        rig.pass(Duration::from_secs(10));
        assert_eq!(started(&rig.taken()), [(runner, Role::Main)]);
        rig.exit(runner);
    }
    rig.pass(Duration::from_secs(60));
    assert!(started(&rig.taken()).is_empty());
    let (_, fatal) = rig.supervisor.into_report();
    assert_eq!(fatal.unwrap().code(), Code::RunnerUnstable);
}

#[test]
fn runners_that_refuse_and_stay_alive_end_the_worker_with_what_they_said() {
    let mut rig = Rig::new();
    rig.exit(1);
    rig.deaths();
    for runner in 2..=6 {
        rig.pass(Duration::from_secs(10));
        let commands = rig.taken();
        assert_eq!(started(&commands), [(runner, Role::Main)]);
        for dead in killed(&commands) {
            rig.exit(dead);
        }
        let refusal = Error::new(Code::AppImportFailed, "`app` fails while it is imported");
        rig.say(runner, FromRunner::Refused(refusal));
        assert!(started(&rig.taken()).is_empty(), "the next one waits for its turn");
        let said = "it refused to work: LW1031: `app` fails while it is imported";
        assert_eq!(rig.deaths(), [said]);
    }
    let (_, fatal) = rig.supervisor.into_report();
    assert_eq!(fatal.unwrap().code(), Code::AppImportFailed);
}

#[test]
fn a_runner_that_refuses_and_stays_alive_is_killed_and_counts_once() {
    let mut rig = Rig::new();
    rig.exit(1);
    rig.pass(Duration::from_secs(1));
    rig.say(2, FromRunner::Refused(Error::new(Code::AppImportFailed, "no")));
    rig.pass(Duration::from_secs(6));
    assert_eq!(killed(&rig.taken()), [2]);
    rig.exit(2);
    assert_eq!(rig.supervisor.report.runners_died, 2);
}

#[test]
fn a_runner_that_the_worker_killed_does_not_look_like_one_that_the_kernel_killed() {
    let mut rig = Rig::new();
    rig.claim(Lane::Process, 1);
    rig.pass(Duration::from_secs(31));
    rig.exit(2);
    assert_eq!(rig.deaths(), ["it was not ready in time or not understood, and was killed"]);
}

#[test]
fn a_runner_that_is_not_ready_in_time_is_killed_and_counts_as_dead() {
    let mut rig = Rig::new();
    rig.claim(Lane::Process, 1);
    rig.pass(Duration::from_secs(31));
    assert_eq!(killed(&rig.taken()), [2]);
    rig.exit(2);
    assert_eq!(rig.supervisor.report.runners_died, 1);
}

#[test]
fn jobs_that_one_more_interruption_would_condemn_run_alone_one_after_another() {
    let mut rig = Rig::new();
    let suspects = [0, 1].map(|_| {
        let job = rig.job(Lane::Async, Policy::default());
        ClaimedJob { interrupts: 2, ..job }
    });
    let mut jobs: Vec<_> = suspects.into();
    let innocent = rig.job(Lane::Async, Policy::default());
    jobs.push(innocent);
    rig.answer_claim(jobs);
    let commands = rig.taken();
    assert_eq!(sent(&commands), [(1, vec![3])]);
    assert_eq!(started(&commands), [(2, Role::Isolated)]);
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    assert_eq!(sent(&rig.taken()), [(2, vec![1])]);
    rig.start(2, &[1]);
    rig.exit(2);
    rig.pass(Duration::from_millis(100));
    assert_eq!(started(&rig.taken()), [(3, Role::Isolated)]);
    rig.say(3, FromRunner::Hello(hello(&Lane::ALL)));
    rig.return_from(3, &[2]);
    let commands = rig.taken();
    assert!(commands.iter().any(|c| matches!(c, Command::Send(RunnerId(3), ToRunner::Drain))));
}

/// The first runner's loop does not turn any more.
fn block(rig: &mut Rig) {
    rig.loops_turn = false;
    rig.claim(Lane::Async, 1);
    rig.start(1, &[1]);
    rig.pass(Duration::from_millis(400));
    rig.taken();
}

#[test]
fn what_a_blocked_loop_has_not_read_goes_to_a_new_runner_within_two_seconds() {
    let mut rig = Rig::new();
    block(&mut rig);
    rig.claim(Lane::Async, 5);
    let orders = orders(rig.taken());
    assert_eq!(orders.len(), 5);
    rig.pass(Duration::from_millis(1_500));
    assert_eq!(taken_back(&rig.taken()), [1]);
    rig.tell(Event::TakenBack { runner: RunnerId(1), runs: orders });
    assert_eq!(started(&rig.taken()), [(2, Role::Main)]);
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    assert_eq!(sent(&rig.taken()), [(2, vec![2, 3, 4, 5, 6])]);
    assert!(rig.endings().is_empty());
}

#[test]
fn a_blocked_loop_for_which_nothing_waits_is_left_alone() {
    let mut rig = Rig::new();
    block(&mut rig);
    rig.pass(Duration::from_secs(60));
    let commands = rig.taken();
    assert!(started(&commands).is_empty() && killed(&commands).is_empty());
    assert!(rig.supervisor.condition(rig.now).contains("loop blocked 60."));
}

#[test]
fn there_are_never_more_than_four_main_runners() {
    let mut rig = Rig::new();
    rig.loops_turn = false;
    let mut starts = Vec::new();
    for _ in 0..8 {
        rig.claim(Lane::Async, 1);
        for (runner, _) in started(&rig.taken()) {
            rig.say(runner, FromRunner::Hello(hello(&Lane::ALL)));
            starts.push(runner);
        }
        rig.pass(Duration::from_secs(3));
    }
    assert_eq!(starts, [2, 3, 4]);
    assert_eq!(rig.supervisor.fleet.of_role(Role::Main).count(), 4);
}

#[test]
fn a_replacement_with_other_tasks_gets_its_own_numbers_for_them() {
    let mut rig = Rig::new();
    rig.exit(1);
    rig.pass(Duration::from_millis(100));
    rig.claim(Lane::Thread, 1);
    rig.claim(Lane::Async, 1);
    rig.taken();
    rig.say(2, FromRunner::Hello(hello(&[Lane::Thread])));
    let orders = orders(rig.taken());
    assert_eq!(orders.iter().map(|run| (run.attempt, run.task)).collect::<Vec<_>>(), [(1, 0)]);
    assert_eq!(rig.endings(), [Ending::HandedBack]);
}

#[test]
fn a_replacements_new_tasks_are_served_when_the_store_says_that_they_are_nobody_elses() {
    let mut rig = Rig::with_tasks(&[Lane::Async]);
    rig.exit(1);
    rig.pass(Duration::from_millis(100));
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    let asked = rig.taken().into_iter().find_map(|command| match command {
        Command::Register(request) => Some(request.tasks.len()),
        _ => None,
    });
    assert_eq!(asked, Some(3));
    rig.claim(Lane::Thread, 1);
    assert_eq!(rig.endings(), [Ending::HandedBack], "it may be another application's");

    let owner = TaskOwner {
        task: TaskName::new("thread.do").unwrap(),
        application: "other:app".to_owned(),
    };
    let tasks = vec![TaskName::new("thread.do").unwrap()];
    rig.tell(Event::Registered { tasks: Vec::new(), answer: Ok(Vec::new()) });
    rig.tell(Event::Registered { tasks: tasks.clone(), answer: Ok(vec![owner]) });
    rig.claim(Lane::Thread, 1);
    assert_eq!(rig.endings(), [Ending::HandedBack], "it is another application's");

    rig.tell(Event::Registered { tasks, answer: Ok(Vec::new()) });
    rig.claim(Lane::Thread, 1);
    assert_eq!(orders(rig.taken()).len(), 1);
}

#[test]
fn a_process_over_its_memory_bound_is_killed_and_the_cause_told() {
    let concurrency = crate::Concurrency { async_jobs: 1, threads: 1, processes: 1 };
    let memory_bytes_max = Some(100 << 20);
    let options = WorkerOptions { concurrency, memory_bytes_max, ..WorkerOptions::default() };
    let mut rig = Rig::with(options);
    rig.claim(Lane::Process, 1);
    rig.say(2, FromRunner::Hello(hello(&Lane::ALL)));
    rig.start(2, &[1]);
    rig.pass(Duration::from_millis(200));
    assert!(rig.taken().iter().any(|c| matches!(c, Command::Measure(RunnerId(2)))));
    rig.tell(Event::Measured { runner: RunnerId(2), resident_bytes: 101 << 20 });
    assert_eq!(killed(&rig.taken()), [2]);
    rig.exit(2);
    let outcomes = rig.outcomes();
    let [Outcome::Interrupt(Failure { code, .. })] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(code, "LW2007");
}

#[test]
fn a_runner_of_another_release_ends_the_worker() {
    let mut rig = Rig::new();
    rig.claim(Lane::Process, 1);
    rig.say(2, FromRunner::Hello(Hello { protocol: 0, ..hello(&Lane::ALL) }));
    assert_eq!(rig.supervisor.fatal.as_ref().unwrap().code(), Code::RunnerMismatch);
    assert_eq!(rig.endings(), [Ending::Released]);
}

#[test]
fn the_kind_of_a_runner_follows_from_its_role() {
    for (role, kind) in [
        (Role::Main, RunnerKind::Main),
        (Role::Isolated, RunnerKind::Main),
        (Role::Process, RunnerKind::Process),
    ] {
        assert_eq!(role.kind(), kind);
    }
}
