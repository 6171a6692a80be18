//! Attempts of a task that may move between threads and processes.

use laneway_core::profile::{Harm, Interpreter, Measurement, MoveKind, Profile, ProfileKey};
use laneway_core::profile::{SizeBucket, step_square};
use laneway_core::verdict::Mobility;

use super::*;

/// What a run of 200 ms looks like in a lane.
const WALL: Duration = Duration::from_millis(200);

/// A worker with two processes and four threads, whose process task may move.
fn movable(mobility: Mobility) -> Rig {
    let concurrency = crate::Concurrency { async_jobs: 100, threads: 4, processes: 2 };
    let options = WorkerOptions { concurrency, seed: 1, ..WorkerOptions::default() };
    let mut hello = hello(&Lane::ALL);
    hello.app.tasks[2].mobility = Some(mobility);
    assert_eq!(hello.app.tasks[2].lane, Lane::Process);
    let mut rig = Rig::with_hello(options, hello.clone());
    rig.claim(Lane::Process, 2);
    rig.say(2, FromRunner::Hello(hello.clone()));
    rig.say(3, FromRunner::Hello(hello));
    for (runner, attempt) in [(2, 1), (3, 2)] {
        rig.run(runner, attempt, WALL, None);
    }
    rig.confirm();
    rig.taken();
    rig
}

impl Rig {
    fn run(&mut self, runner: u32, attempt: u64, wall: Duration, error: Option<&str>) {
        self.start(runner, &[attempt]);
        self.now = self.now.plus(wall);
        let end = match error {
            None => End::Returned(Payload::default()),
            Some(kind) => End::Raised {
                failure: Failure {
                    kind: kind.to_owned(),
                    ..Failure::new(Code::TaskRaised, "it raised")
                },
                retryable: false,
                after: None,
                is_wish: false,
            },
        };
        let wall_us = Some(u64::try_from(wall.as_micros()).unwrap());
        let done = Done { attempt, end, wall_us, cpu_us: None, first_step: None };
        self.say(runner, FromRunner::Done(vec![done]));
    }

    /// Claims one job, lets it run where it was sent, and tells where that was.
    fn run_next(&mut self, wall: impl Fn(Lane) -> Duration, error: Option<&str>) -> Lane {
        self.confirm_settled();
        self.claim(Lane::Process, 1);
        let orders: Vec<_> = self.runs_sent();
        let [(runner, attempt, lane)] = orders[..] else { panic!("{orders:?}") };
        assert_eq!(runner == 1, lane == Lane::Thread, "threads are in the main runner");
        self.run(runner, attempt, wall(lane), error.filter(|_| lane == Lane::Thread));
        lane
    }

    fn confirm_settled(&mut self) {
        self.pass(Duration::from_millis(50));
        if self.taken().iter().any(|command| matches!(command, Command::Settle(_))) {
            self.confirm();
        }
    }

    fn runs_sent(&mut self) -> Vec<(u32, u64, Lane)> {
        let sent = self.taken().into_iter().filter_map(|command| match command {
            Command::Send(runner, ToRunner::Run(runs)) => Some((runner.0, runs)),
            _ => None,
        });
        let each = sent.flat_map(|(runner, runs)| {
            runs.into_iter().map(move |run| (runner, run.attempt, run.lane))
        });
        each.collect()
    }

    /// A process runner has measured so many runs that only waited.
    fn measure_waits(&mut self, runs: u32) {
        let mut profile = Profile::new(ProfileKey {
            task: TaskName::new("process.do").unwrap(),
            lane: Lane::Process,
            size_bucket: SizeBucket::of(1),
            interpreter: Interpreter::new("cpython-311"),
        });
        for run in 0..runs {
            let measurement = Measurement {
                wall: WALL,
                cpu: Duration::from_micros(100),
                blocked: WALL,
                step_square_sum: step_square(Duration::ZERO),
                args_bytes: 1,
                ..Measurement::default()
            };
            profile.record(&measurement, Timestamp::from_micros(i64::from(run) * 20_000));
        }
        self.say(2, FromRunner::Measured(vec![profile]));
    }

    fn lane_events(&mut self) -> Vec<MoveKind> {
        let mut happenings = Vec::new();
        self.supervisor.take_happenings(&mut happenings);
        let moves = happenings.into_iter().filter_map(|happening| match happening {
            Happening::LaneMoved(event) => Some(event.kind),
            _ => None,
        });
        moves.collect()
    }
}

/// Runs until the canary has begun, and on until the task has moved; tells where each run went.
fn moved() -> (Rig, Vec<Lane>) {
    let mut rig = movable(Mobility::Movable);
    for _ in 0..25 {
        assert_eq!(rig.run_next(|_| WALL, None), Lane::Process);
    }
    rig.measure_waits(25);
    let events = rig.lane_events();
    assert!(matches!(events[..], [MoveKind::CanaryStarted { .. }]), "{events:?}");
    let mut lanes = Vec::new();
    while !rig.lane_events().contains(&MoveKind::Moved) {
        assert!(lanes.len() < 60, "{lanes:?}");
        lanes.push(rig.run_next(|_| WALL, None));
    }
    (rig, lanes)
}

#[test]
fn one_run_of_twenty_tries_threads_and_then_all_go_there_and_stay() {
    let (mut rig, lanes) = moved();
    assert_eq!(rig.supervisor.auto.reach(), 0, "a try is no reason to claim more");
    for block in lanes.chunks_exact(20) {
        assert_eq!(block.iter().filter(|lane| **lane == Lane::Thread).count(), 1, "{lanes:?}");
    }
    for _ in 0..20 {
        assert_eq!(rig.run_next(|_| WALL, None), Lane::Thread);
    }
    assert!(matches!(rig.lane_events()[..], [MoveKind::Kept { .. }]));
}

#[test]
fn a_moved_attempt_takes_a_thread_and_leaves_its_process_to_others() {
    let (mut rig, _) = moved();
    rig.confirm_settled();
    rig.claim(Lane::Process, 2);
    let held = |rig: &Rig, lane| rig.supervisor.attempts.held(lane);
    assert_eq!((held(&rig, Lane::Thread), held(&rig, Lane::Process)), (2, 0));
    rig.claim(Lane::Process, 2);
    assert_eq!((held(&rig, Lane::Thread), held(&rig, Lane::Process)), (4, 0));
    // No thread is left: the next ones run in processes, as they would have without a move.
    rig.claim(Lane::Process, 2);
    assert_eq!((held(&rig, Lane::Thread), held(&rig, Lane::Process)), (4, 2));
}

#[test]
fn claims_reach_for_as_many_moved_jobs_as_there_are_threads_and_surplus_goes_back() {
    let (mut rig, _) = moved();
    rig.confirm_settled();
    rig.claim(Lane::Process, 2);
    rig.taken();
    rig.answer_claim(Vec::new());
    rig.tell(Event::Rang);
    let slots = rig.taken().into_iter().find_map(|command| match command {
        Command::Claim(claim) => Some(claim.slots),
        _ => None,
    });
    let process = slots.unwrap().into_iter().find(|slots| slots.lane == Lane::Process).unwrap();
    assert!((3..=4).contains(&process.count), "{process:?}");
    // It finds other work than was thought.
    let jobs = (0..4).map(|_| {
        let job = rig.job(Lane::Process, Policy::default());
        ClaimedJob { interrupts: 1, ..job }
    });
    let jobs = jobs.collect();
    rig.answer_claim(jobs);
    assert_eq!(rig.supervisor.attempts.held(Lane::Process), 2);
    let endings: Vec<_> = rig.endings().into_iter().filter(|e| *e == Ending::Released).collect();
    assert_eq!(endings.len(), 2);
    assert_eq!(rig.supervisor.auto.reach(), 0);
}

#[test]
fn a_move_that_makes_runs_slower_is_undone() {
    let (mut rig, _) = moved();
    let slower = |lane| if lane == Lane::Thread { WALL * 40 } else { WALL };
    for _ in 0..20 {
        assert_eq!(rig.run_next(slower, None), Lane::Thread);
    }
    let events = rig.lane_events();
    assert!(matches!(events[..], [MoveKind::Undone { harm: Harm::Slower { .. } }]), "{events:?}");
    assert_eq!(rig.run_next(|_| WALL, None), Lane::Process);
}

#[test]
fn an_exception_that_processes_never_raised_undoes_a_move_at_once() {
    let (mut rig, _) = moved();
    assert_eq!(rig.run_next(|_| WALL, Some("ProgrammingError")), Lane::Thread);
    let events = rig.lane_events();
    let harm = Harm::NewError { kind: "ProgrammingError".to_owned() };
    assert_eq!(events, [MoveKind::Undone { harm }]);
    assert_eq!(rig.run_next(|_| WALL, None), Lane::Process);
}

#[test]
fn an_interrupted_job_stays_in_a_process_of_its_own() {
    let (mut rig, _) = moved();
    rig.confirm_settled();
    let job = rig.job(Lane::Process, Policy::default());
    rig.answer_claim(vec![ClaimedJob { interrupts: 1, ..job }]);
    let lanes: Vec<_> = rig.runs_sent().into_iter().map(|(_, _, lane)| lane).collect();
    assert_eq!(lanes, [Lane::Process]);
}

#[test]
fn a_task_that_is_held_is_never_tried_elsewhere() {
    let mut rig = movable(Mobility::Held { why: "it keeps a cache".to_owned() });
    for _ in 0..25 {
        assert_eq!(rig.run_next(|_| WALL, None), Lane::Process);
    }
    rig.measure_waits(25);
    for _ in 0..25 {
        assert_eq!(rig.run_next(|_| WALL, None), Lane::Process);
    }
    assert_eq!(rig.lane_events(), []);
}

#[test]
fn a_moved_attempt_goes_back_when_the_next_main_runners_code_may_not_move() {
    let (mut rig, _) = moved();
    rig.confirm_settled();
    rig.exit(1);
    rig.claim(Lane::Process, 1);
    assert_eq!(rig.supervisor.attempts.held(Lane::Thread), 1, "it waits for a main runner");
    rig.pass(Duration::from_millis(200));
    let next = started(&rig.taken()).into_iter().find(|(_, role)| *role == Role::Main).unwrap().0;
    rig.endings();
    let mut changed = hello(&Lane::ALL);
    changed.app.tasks[2].mobility = Some(Mobility::Held { why: "it keeps a cache".to_owned() });
    rig.say(next, FromRunner::Hello(changed));
    assert_eq!(rig.endings(), [Ending::Released]);
    assert_eq!(rig.supervisor.attempts.held(Lane::Thread), 0);
}
