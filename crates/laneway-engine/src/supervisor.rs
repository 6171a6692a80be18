//! Decides everything that a worker does.
//!
//! A plain state machine: it is told of [`Event`]s with the moment at which they happened and
//! answers with [`Command`]s and [`Happening`]s. It does no I/O, reads no clock and starts nothing,
//! so the same events give the same commands. All state is here or in a leaf that belongs to it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use fastrand::Rng;
use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId, Token};
use laneway_core::job::{Lane, QueueName, TaskName};
use laneway_core::profile::Place;
use laneway_core::store::{
    AddProfiles, Claim, Claimed, Progress, RegisterTasks, Settle, Settled, Swept, TaskOwner,
};

use crate::attempts::{Attempt, Attempts};
use crate::auto_lanes::AutoLanes;
use crate::claims::Claims;
use crate::clock::Moment;
use crate::deadlines::{Deadlines, Due};
use crate::fleet::{Fleet, Role, RunnerId};
use crate::look_ahead::LookAhead;
use crate::measurements::Measurements;
use crate::observer::{Happening, WorkerReport};
use crate::options::WorkerOptions;
use crate::protocol::{FromRunner, Hello, Run, ToRunner};
use crate::registration::Costs;
use crate::restart::Restart;
use crate::runner::Exit;
use crate::settlements::Settlements;
use crate::shutdown::Phase;
use crate::supervisor::trouble::{Trouble, Verb};
use crate::tasks::TaskTable;

mod beat;
mod blocked;
mod condition;
mod dispatch;
mod drain;
mod ends;
mod measuring;
mod moving;
mod runners;
mod session;
mod spawn;
mod stops;
mod store_traffic;
mod trouble;

pub(crate) use runners::protocol_mismatch;
pub(crate) use spawn::READY_TIME;

/// Something that happened outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// A runner said something.
    Said { runner: RunnerId, messages: Vec<FromRunner> },
    /// What a runner said is not understood.
    Garbled { runner: RunnerId, error: Error },
    /// A runner's process has ended, and everything it said before has been told.
    Exited { runner: RunnerId, exit: Exit },
    /// A runner could not be started at all.
    NotStarted { runner: RunnerId, error: Error },
    /// What a runner had not read was taken back.
    TakenBack { runner: RunnerId, runs: Vec<Run> },
    /// What a runner's process holds of the machine's memory.
    Measured { runner: RunnerId, resident_bytes: u64 },
    /// The claim was answered.
    Claimed(Result<Claimed, Error>),
    /// The settlements were answered.
    Settled(Result<Vec<Settled>, Error>),
    /// A session was opened.
    SessionOpened(SessionId),
    /// The store knows a session no more.
    SessionLost(SessionId),
    /// The session was renewed, or not; these jobs shall be cancelled.
    Renewed(Result<Vec<(JobId, Token)>, Error>),
    /// The session was renewed, and a newer Laneway has changed the store's schema.
    StoreOutdated(Error),
    /// Tasks were registered; these belong to another application.
    Registered { tasks: Vec<TaskName>, answer: Result<Vec<TaskOwner>, Error> },
    /// What was measured was added to the store, or not.
    ProfilesAdded(Result<(), Error>),
    /// A sweep found something, or failed.
    Swept(Result<Swept, Error>),
    /// Old jobs were deleted.
    Pruned(usize),
    /// The store rang: there may be new jobs.
    Rang,
    /// The worker shall end.
    Phase(Phase),
}

/// Something to be done outside.
#[derive(Debug)]
pub(crate) enum Command {
    /// Start a runner.
    Start(RunnerId, Role),
    /// Send it a message.
    Send(RunnerId, ToRunner),
    /// Take back what it has not read; answered by [`Event::TakenBack`] before anything else.
    TakeBack(RunnerId),
    /// Interrupt its main thread by a signal, so that it reads the request to stop.
    Interrupt(RunnerId),
    /// End its process by force.
    Kill(RunnerId),
    /// Find out how much memory it holds.
    Measure(RunnerId),
    /// Claim; never while a claim is under way.
    Claim(Claim),
    /// Settle; never while a batch is under way.
    Settle(Settle),
    /// Report how far an attempt is.
    Report(u64, SessionId, Progress),
    /// Register tasks, however long it takes to reach the store.
    Register(RegisterTasks),
    /// Add what was measured; never while a call of this kind is under way.
    AddProfiles(AddProfiles),
    /// The session is of no use: open another one. Answers that are under way are not wanted.
    ReplaceSession(SessionId),
}

/// Whether the worker works or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Running,
    Draining,
    /// Whatever is left is left to the lease.
    GivenUp,
}

/// Attempts that wait here for a runner.
#[derive(Debug, Default)]
struct Waiting {
    main: VecDeque<u64>,
    isolated: VecDeque<u64>,
    process: VecDeque<u64>,
}

impl Waiting {
    fn line_of(&mut self, attempt: &Attempt) -> &mut VecDeque<u64> {
        match (attempt.lane, attempt.needs_isolation()) {
            (Lane::Process, _) => &mut self.process,
            (_, true) => &mut self.isolated,
            (_, false) => &mut self.main,
        }
    }
}

/// The pace of starting runners again, by role.
#[derive(Debug, Default)]
struct Restarts {
    main: Restart,
    isolated: Restart,
    process: Restart,
}

/// The state of a worker.
#[derive(Debug)]
pub(crate) struct Supervisor {
    options: WorkerOptions,
    queues: Arc<[QueueName]>,
    course: Course,
    table: Arc<TaskTable>,
    attempts: Attempts,
    waiting: Waiting,
    fleet: Fleet,
    restarts: Restarts,
    look_ahead: LookAhead,
    claims: Claims,
    settlements: Settlements,
    measurements: Measurements,
    costs: Costs,
    auto: AutoLanes,
    /// The store's time of the last claim, and when it was answered.
    store_clock: (Timestamp, Moment),
    /// Tasks of a later manifest that may belong to another application; they are not served.
    unregistered: BTreeSet<TaskName>,
    /// Places that blocked a loop and were told of.
    blamed: BTreeSet<(TaskName, Place)>,
    deadlines: Deadlines,
    trouble: Trouble,
    beat_at: Option<Moment>,
    start_at: Option<Moment>,
    pings: u64,
    has_had_session: bool,
    /// Why a runner could not start, the last time that happened.
    last_refusal: Option<Error>,
    fatal: Option<Error>,
    /// Whether the store is of no use any more, so that nothing of it is waited for.
    is_store_lost: bool,
    report: WorkerReport,
    rng: Rng,
    commands: VecDeque<Command>,
    happenings: Vec<Happening>,
}

impl Supervisor {
    /// A worker whose first main runner has said hello. Gives that runner's number, too.
    pub(crate) fn new(options: WorkerOptions, hello: Hello, now: Moment) -> (Self, RunnerId) {
        let table = Arc::new(TaskTable::new(hello.app.clone()));
        let queues = options.queues.clone().unwrap_or_else(|| table.queues());
        let rng = Rng::with_seed(options.seed);
        let mut supervisor = Self {
            options,
            queues: Arc::from(queues),
            course: Course::Running,
            table,
            attempts: Attempts::default(),
            waiting: Waiting::default(),
            fleet: Fleet::default(),
            restarts: Restarts::default(),
            look_ahead: LookAhead::default(),
            claims: Claims::default(),
            settlements: Settlements::default(),
            measurements: Measurements::default(),
            costs: Costs::default(),
            auto: AutoLanes::default(),
            store_clock: (Timestamp::default(), now),
            unregistered: BTreeSet::new(),
            blamed: BTreeSet::new(),
            deadlines: Deadlines::default(),
            trouble: Trouble::default(),
            beat_at: None,
            start_at: None,
            pings: 0,
            has_had_session: false,
            last_refusal: None,
            fatal: None,
            is_store_lost: false,
            report: WorkerReport::default(),
            rng,
            commands: VecDeque::new(),
            happenings: Vec::new(),
        };
        let first = supervisor.fleet.start(Role::Main, Moment::default());
        supervisor.runner_ready(first, hello, now);
        (supervisor, first)
    }

    /// Takes note of an event.
    pub(crate) fn handle(&mut self, event: Event, now: Moment) {
        match event {
            Event::Said { runner, messages } => {
                for message in messages {
                    self.runner_said(runner, message, now);
                }
            }
            Event::Garbled { runner, error } => self.runner_garbled(runner, error, now),
            Event::Exited { runner, exit } => self.runner_exited(runner, &exit, now),
            Event::NotStarted { runner, error } => self.runner_not_started(runner, error, now),
            Event::TakenBack { runner, runs } => self.runs_taken_back(runner, runs, now),
            Event::Measured { runner, resident_bytes } => {
                self.runner_measured(runner, resident_bytes, now);
            }
            Event::Claimed(answer) => self.claim_answered(answer, now),
            Event::Settled(answer) => self.settlements_answered(answer, now),
            Event::SessionOpened(session) => self.session_opened(session),
            Event::SessionLost(session) => self.session_lost(session, now),
            Event::Renewed(Ok(cancel)) => {
                self.store_answered(Verb::Renew, now);
                self.store_goes_on();
                self.cancel(cancel, now);
            }
            Event::Renewed(Err(error)) => self.store_failed(Verb::Renew, error, now),
            Event::StoreOutdated(error) => self.store_outdated(error, now),
            Event::Registered { tasks, answer } => self.registered(&tasks, answer, now),
            Event::ProfilesAdded(answer) => self.profiles_added(answer.is_ok(), now),
            Event::Swept(Ok(swept)) => self.swept(swept, now),
            Event::Swept(Err(error)) => self.store_failed(Verb::Sweep, error, now),
            Event::Pruned(jobs) => self.happenings.push(Happening::Pruned { jobs }),
            Event::Rang => self.claims.ring(),
            Event::Phase(Phase::Running) => {}
            Event::Phase(Phase::Drain) => self.drain(now),
            Event::Phase(Phase::Now) => self.give_up(),
        }
    }

    /// Does whatever can be done now. To be called after events and at [`wake_at`](Self::wake_at).
    pub(crate) fn decide(&mut self, now: Moment) {
        while let Some(due) = self.deadlines.pop(now) {
            self.became_due(due, now);
        }
        self.beat(now);
        self.start_runners(now);
        self.dispatch(now);
        self.end_idle_runners(now);
        self.talk_to_store(now);
    }

    fn became_due(&mut self, due: Due, now: Moment) {
        match due {
            Due::Timeout(attempt) => self.timed_out(attempt, now),
            Due::Force(attempt) => self.force(attempt, now),
            Due::Ready(runner) => self.runner_not_ready(runner),
            Due::Gone(runner) => self.runner_not_gone(runner),
            Due::LastWords(runner) => self.runner_has_told_all(runner),
            Due::LookAhead(runner) => self.look_behind(runner, now),
            Due::DrainTimeout => self.drain_timed_out(now),
            Due::GiveUp => self.give_up(),
        }
    }

    /// The next moment at which [`decide`](Self::decide) has something to do without an event.
    ///
    /// What could be done by now is done, so a moment that is over waits for an event, not for
    /// time.
    pub(crate) fn wake_at(&self, now: Moment) -> Option<Moment> {
        let claims = self.claims.wake_at().filter(|_| self.may_claim());
        let (settle, measure) = (self.settlements.wake_at(), self.measurements.wake_at());
        [self.deadlines.first(), self.beat_at, self.start_at, claims, settle, measure]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// The next thing to be done outside.
    pub(crate) fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// What has happened since the last call.
    pub(crate) fn take_happenings(&mut self, into: &mut Vec<Happening>) {
        into.append(&mut self.happenings);
    }

    /// What was measured and is not in the store yet.
    pub(crate) fn last_profiles(&mut self, session: SessionId) -> Vec<AddProfiles> {
        self.measurements.last(session)
    }

    /// What was done, and the error that ended it, if one did.
    pub(crate) fn into_report(mut self) -> (WorkerReport, Option<Error>) {
        self.report.unsettled = u64::try_from(self.settlements.unconfirmed()).unwrap_or(u64::MAX);
        (self.report, self.fatal)
    }
}

#[cfg(test)]
mod tests;
