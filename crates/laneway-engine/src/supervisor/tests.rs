//! Tables of what the supervisor commands, without a process, a store or a clock.

use std::time::Duration;

use laneway_core::backoff::Backoff;
use laneway_core::clock::Timestamp;
use laneway_core::error::Code;
use laneway_core::job::{Failure, Payload, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{ClaimedJob, Outcome};
use laneway_core::verdict::Form;

use super::*;
use crate::observer::Ending;
use crate::protocol::{
    AppManifest, Done, End, PROTOCOL_VERSION, RunnerKind, StopReason, TaskManifest,
};

mod auto;
mod blocked;
mod drain;
mod forced;
mod lanes;
mod lines;
mod runners;
mod store;

const SESSION: SessionId = SessionId::from_bits(7);

/// A supervisor, a time that stands still unless it is moved, and what was commanded.
struct Rig {
    supervisor: Supervisor,
    now: Moment,
    jobs: u128,
    commands: Vec<Command>,
    /// Whether runners answer pings.
    loops_turn: bool,
}

impl Rig {
    fn new() -> Self {
        let concurrency = crate::Concurrency { async_jobs: 100, threads: 4, processes: 2 };
        Self::with(WorkerOptions { concurrency, seed: 1, ..WorkerOptions::default() })
    }

    fn with(options: WorkerOptions) -> Self {
        Self::with_hello(options, hello(&Lane::ALL))
    }

    fn with_tasks(lanes: &[Lane]) -> Self {
        Self::with_hello(WorkerOptions { seed: 1, ..WorkerOptions::default() }, hello(lanes))
    }

    fn with_hello(options: WorkerOptions, hello: Hello) -> Self {
        let now = Moment::default().plus(Duration::from_secs(100));
        let (supervisor, first) = Supervisor::new(options, hello, now);
        assert_eq!(first, RunnerId(1));
        let mut rig = Self { supervisor, now, jobs: 0, commands: Vec::new(), loops_turn: true };
        rig.tell(Event::SessionOpened(SESSION));
        rig
    }

    /// Tells of an event and lets the supervisor decide.
    fn tell(&mut self, event: Event) {
        self.supervisor.handle(event, self.now);
        self.decide();
    }

    fn decide(&mut self) {
        self.supervisor.decide(self.now);
        while let Some(command) = self.supervisor.next_command() {
            if let (Command::Send(runner, ToRunner::Ping(number)), true) =
                (&command, self.loops_turn)
            {
                let messages = vec![FromRunner::Pong(*number)];
                let pong = Event::Said { runner: *runner, messages };
                self.supervisor.handle(pong, self.now);
            } else {
                self.commands.push(command);
            }
        }
    }

    /// Lets time pass, decision by decision.
    fn pass(&mut self, time: Duration) {
        let until = self.now.plus(time);
        while let Some(at) = self.supervisor.wake_at(self.now).filter(|at| *at <= until) {
            self.now = at;
            self.decide();
        }
        self.now = until;
        self.decide();
    }

    fn taken(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    fn job(&mut self, lane: Lane, policy: Policy) -> ClaimedJob {
        self.jobs += 1;
        ClaimedJob {
            id: JobId::from_bits(self.jobs),
            token: Token(1),
            task: TaskName::new(format!("{lane}.do")).unwrap(),
            queue: QueueName::default_queue(),
            lane,
            failures: 0,
            interrupts: 0,
            handbacks: 0,
            policy: Arc::new(policy),
            args: Payload(vec![1]),
            ready_at: Timestamp::default(),
        }
    }

    /// Answers the claim that is under way with so many jobs of a lane.
    fn claim(&mut self, lane: Lane, count: usize) {
        self.claim_with(lane, count, &Policy::default());
    }

    fn claim_with(&mut self, lane: Lane, count: usize, policy: &Policy) {
        let jobs = (0..count).map(|_| self.job(lane, policy.clone())).collect();
        self.answer_claim(jobs);
    }

    fn answer_claim(&mut self, jobs: Vec<ClaimedJob>) {
        if !self.supervisor.claims.is_under_way() {
            self.tell(Event::Rang);
        }
        assert!(self.supervisor.claims.is_under_way());
        self.tell(Event::Claimed(Ok(Claimed { jobs, ..Claimed::default() })));
    }

    fn say(&mut self, runner: u32, message: FromRunner) {
        self.tell(Event::Said { runner: RunnerId(runner), messages: vec![message] });
    }

    fn start(&mut self, runner: u32, attempts: &[u64]) {
        self.say(runner, FromRunner::Started(attempts.to_vec()));
    }

    fn end(&mut self, runner: u32, attempts: &[u64], end: &End) {
        let done = attempts.iter().map(|attempt| Done {
            attempt: *attempt,
            end: end.clone(),
            wall_us: Some(100),
            cpu_us: None,
            first_step: None,
        });
        let done = done.collect();
        self.say(runner, FromRunner::Done(done));
    }

    fn return_from(&mut self, runner: u32, attempts: &[u64]) {
        self.end(runner, attempts, &End::Returned(Payload::default()));
    }

    fn exit(&mut self, runner: u32) {
        let exit = Exit { how: "it was killed by signal 11 (SIGSEGV)".to_owned() };
        self.tell(Event::Exited { runner: RunnerId(runner), exit });
    }

    /// Answers the batch of settlements that is under way.
    fn confirm(&mut self) {
        self.tell(Event::Settled(Ok(Vec::new())));
    }

    /// The outcomes that were sent to the store since the last look.
    fn outcomes(&mut self) -> Vec<Outcome> {
        let settled = self.taken().into_iter().filter_map(|command| match command {
            Command::Settle(settle) => Some(settle.entries),
            _ => None,
        });
        settled.flatten().map(|entry| entry.outcome).collect()
    }

    /// How runners died that should not have.
    fn deaths(&mut self) -> Vec<String> {
        let mut happenings = Vec::new();
        self.supervisor.take_happenings(&mut happenings);
        let died = happenings.into_iter().filter_map(|happening| match happening {
            Happening::RunnerDied { how, .. } => Some(how),
            _ => None,
        });
        died.collect()
    }

    /// Everything that became of jobs, by name.
    fn endings(&mut self) -> Vec<Ending> {
        let mut happenings = Vec::new();
        self.supervisor.take_happenings(&mut happenings);
        let ended = happenings.into_iter().filter_map(|happening| match happening {
            Happening::AttemptEnded(ended) => Some(ended.ending),
            _ => None,
        });
        ended.collect()
    }
}

fn hello(lanes: &[Lane]) -> Hello {
    let tasks = lanes.iter().map(|lane| TaskManifest {
        name: TaskName::new(format!("{lane}.do")).unwrap(),
        lane: *lane,
        queue: QueueName::new("work").unwrap(),
        form: Form::Def,
        has_await: None,
        mobility: None,
        is_thread_unsafe: false,
        library_names: Vec::new(),
    });
    Hello {
        protocol: PROTOCOL_VERSION,
        version: "1".to_owned(),
        pid: 1,
        python: "none".to_owned(),
        app: AppManifest {
            name: "app".to_owned(),
            identity: "app:app".to_owned(),
            store: None,
            tasks: tasks.collect(),
        },
    }
}

/// The attempts that were sent, by runner.
fn sent(commands: &[Command]) -> Vec<(u32, Vec<u64>)> {
    let runs = commands.iter().filter_map(|command| match command {
        Command::Send(runner, ToRunner::Run(runs)) => {
            Some((runner.0, runs.iter().map(|run| run.attempt).collect()))
        }
        _ => None,
    });
    runs.collect()
}

fn started(commands: &[Command]) -> Vec<(u32, Role)> {
    let starts = commands.iter().filter_map(|command| match command {
        Command::Start(runner, role) => Some((runner.0, *role)),
        _ => None,
    });
    starts.collect()
}

fn stops(commands: &[Command]) -> Vec<(u64, StopReason)> {
    let stops = commands.iter().filter_map(|command| match command {
        Command::Send(_, ToRunner::Stop { attempt, reason }) => Some((*attempt, *reason)),
        _ => None,
    });
    stops.collect()
}

fn taken_back(commands: &[Command]) -> Vec<u32> {
    let ids = commands.iter().filter_map(|command| match command {
        Command::TakeBack(runner) => Some(runner.0),
        _ => None,
    });
    ids.collect()
}

fn killed(commands: &[Command]) -> Vec<u32> {
    let ids = commands.iter().filter_map(|command| match command {
        Command::Kill(runner) => Some(runner.0),
        _ => None,
    });
    ids.collect()
}

/// The orders in these commands, to be given back.
fn orders(commands: Vec<Command>) -> Vec<Run> {
    let runs = commands.into_iter().filter_map(|command| match command {
        Command::Send(_, ToRunner::Run(runs)) => Some(runs),
        _ => None,
    });
    runs.flatten().collect()
}
