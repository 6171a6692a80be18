//! The loop around the supervisor: it brings events in and carries commands out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use laneway_core::error::Error;
use laneway_core::id::SessionId;
use laneway_core::store::{AddProfiles, RegisterTasks, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::clock::{Moment, Timeline, sleep};
use crate::fleet::{Role, RunnerId};
use crate::observer::{Happening, Observer, WorkerReport};
use crate::options::WorkerOptions;
use crate::protocol::ToRunner;
use crate::runner::{RunnerCommand, RunnerProcess};
use crate::session_keeper::{SessionKeeper, Wires};
use crate::shutdown::Phase;
use crate::store_calls::StoreCalls;
use crate::supervisor::{Command, Event, Supervisor};
use crate::sweeper::Sweeper;
use crate::wakes::{Bells, Wakes};

/// Events that are handled before the next decision.
const EVENTS_AT_ONCE: usize = 64;

/// How often the condition that the session's renewal shows is brought up to date.
const CONDITION_EVERY: Duration = Duration::from_millis(500);

/// The pause before a registration is tried again.
const REGISTER_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The time the store has for closing the session at the end.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// A worker.
#[derive(Debug)]
pub(crate) struct Worker<S, O> {
    pub(crate) supervisor: Supervisor,
    pub(crate) timeline: Timeline,
    pub(crate) command: RunnerCommand,
    pub(crate) runners: BTreeMap<RunnerId, RunnerProcess>,
    pub(crate) events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    pub(crate) observer: O,
    pub(crate) store: StoreSide<S>,
    pub(crate) happenings: Vec<Happening>,
    pub(crate) phase: Phase,
}

/// The worker's connections to its store.
#[derive(Debug)]
pub(crate) struct StoreSide<S> {
    store: S,
    calls: StoreCalls<S>,
    bells: Bells,
    condition: watch::Sender<String>,
    condition_at: Moment,
    /// Whether the condition says that a loop is blocked.
    is_shown_blocked: bool,
    replace: mpsc::UnboundedSender<SessionId>,
    events: mpsc::UnboundedReceiver<Event>,
    registered: mpsc::UnboundedSender<Event>,
    session: SessionId,
    /// The keeper of the session, the sweeper and the subscription. They end with this.
    tasks: JoinSet<()>,
}

impl<S: Store> StoreSide<S> {
    /// Subscribes, opens a session, and starts what keeps both.
    pub(crate) async fn open(store: S, options: &WorkerOptions) -> Result<Self, Error> {
        let mut rng = Rng::with_seed(options.seed);
        let bells = Bells::default();
        let wakes = Wakes::subscribe(store.clone(), bells.clone()).await?;
        let mut keeper =
            SessionKeeper::new(store.clone(), options.name.clone(), options.lease, rng.fork());
        let session = keeper.open().await?;
        let (sender, events) = mpsc::unbounded_channel();
        let (replace, replaced) = mpsc::unbounded_channel();
        let (condition, shown) = watch::channel(String::new());
        let wires = Wires {
            condition: shown,
            renew_now: bells.control.clone(),
            replace: replaced,
            events: sender.clone(),
        };
        let sweeper = Sweeper {
            store: store.clone(),
            every: options.sweep_every,
            retention: options.retention,
            rng: rng.fork(),
            events: sender.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.keep(session, wires));
        tasks.spawn(wakes.run());
        tasks.spawn(sweeper.run());
        let calls = StoreCalls::new(store.clone());
        let condition_at = Moment::default();
        Ok(Self {
            store,
            calls,
            bells,
            condition,
            condition_at,
            is_shown_blocked: false,
            replace,
            events,
            registered: sender,
            session,
            tasks,
        })
    }

    /// Registers tasks in the background; a store that cannot answer is asked again.
    fn register(&mut self, request: RegisterTasks) {
        let (store, events) = (self.store.clone(), self.registered.clone());
        self.tasks.spawn(async move {
            let answer = loop {
                match store.register_tasks(request.clone()).await {
                    Err(error) if error.is_retryable() => sleep(REGISTER_AGAIN_AFTER).await,
                    answer => break answer,
                }
            };
            // The worker may have ended meanwhile.
            let tasks = request.tasks.into_keys().collect();
            events.send(Event::Registered { tasks, answer }).ok();
        });
    }

    /// Hands in what was measured, and ends the session, so that nobody has to wait for its lease
    /// to run out.
    async fn close(mut self, profiles: Vec<AddProfiles>) {
        self.tasks.shutdown().await;
        let closing = async {
            for add in profiles {
                if self.store.add_profiles(add).await.is_err() {
                    break;
                }
            }
            self.store.close_session(self.session).await
        };
        // When the store does not answer, the lease ends the session.
        tokio::time::timeout(CLOSING_TIME, closing).await.ok();
    }
}

impl<S: Store, O: Observer> Worker<S, O> {
    /// Works until it is told to end and everything is settled.
    pub(crate) async fn run(
        mut self,
        mut shutdown: watch::Receiver<Phase>,
    ) -> Result<WorkerReport, Error> {
        self.handle(Event::SessionOpened(self.store.session));
        let mut is_told = true;
        loop {
            self.proceed();
            if self.supervisor.is_finished() {
                break;
            }
            let wake_at = self.supervisor.wake_at(self.timeline.now());
            let event = tokio::select! {
                biased;
                changed = shutdown.wait_for(|phase| *phase > self.phase), if is_told => {
                    let phase = changed.ok().map(|phase| *phase);
                    is_told = phase.is_some();
                    phase.map(Event::Phase)
                }
                event = self.store.calls.next() => Some(event),
                Some(event) = self.store.events.recv() => Some(event),
                Some(event) = self.events.1.recv() => Some(event),
                () = self.store.bells.ready.notified() => Some(Event::Rang),
                () = self.timeline.sleep_until(wake_at) => None,
            };
            if let Some(event) = event {
                self.handle(event);
            }
            for _ in 1..EVENTS_AT_ONCE {
                let Ok(event) = self.events.1.try_recv() else {
                    break;
                };
                self.handle(event);
            }
        }
        self.end().await
    }

    async fn end(mut self) -> Result<WorkerReport, Error> {
        drop(self.runners);
        let profiles = self.supervisor.last_profiles(self.store.session);
        let (report, fatal) = self.supervisor.into_report();
        if self.phase != Phase::Now {
            self.store.close(profiles).await;
        }
        fatal.map_or(Ok(report), Err)
    }

    fn handle(&mut self, event: Event) {
        match &event {
            Event::SessionOpened(session) => self.store.session = *session,
            Event::Exited { runner, .. } => drop(self.runners.remove(runner)),
            Event::Phase(phase) => self.phase = *phase,
            _ => {}
        }
        self.supervisor.handle(event, self.timeline.now());
    }

    /// Decides, carries out, and tells, until nothing is left to be done now.
    fn proceed(&mut self) {
        let now = self.timeline.now();
        self.supervisor.decide(now);
        let mut written = BTreeSet::new();
        while let Some(command) = self.supervisor.next_command() {
            if let Some(event) = self.carry_out(command, &mut written) {
                self.supervisor.handle(event, now);
                self.supervisor.decide(now);
            }
        }
        for runner in written {
            if let Some(runner) = self.runners.get(&runner) {
                runner.flush();
            }
        }
        self.show_condition(now);
        self.supervisor.take_happenings(&mut self.happenings);
        for happening in self.happenings.drain(..) {
            self.observer.happened(&happening);
        }
    }

    /// Does what the supervisor says; gives what it finds out by that.
    fn carry_out(&mut self, command: Command, written: &mut BTreeSet<RunnerId>) -> Option<Event> {
        match command {
            Command::Send(id, message) => {
                written.insert(id);
                self.send(id, &message)
            }
            Command::Claim(claim) => {
                self.store.calls.claim(claim);
                None
            }
            Command::Settle(settle) => {
                self.store.calls.settle(settle);
                None
            }
            Command::Report(attempt, session, progress) => {
                self.store.calls.report(attempt, session, progress);
                None
            }
            Command::Start(id, role) => self.start(id, role),
            Command::TakeBack(id) => self.take_back(id),
            Command::Measure(id) => {
                let resident_bytes = self.runners.get(&id)?.resident_bytes()?;
                Some(Event::Measured { runner: id, resident_bytes })
            }
            Command::Interrupt(id) => {
                self.runners.get(&id)?.interrupt();
                None
            }
            Command::Kill(id) => {
                self.runners.get(&id)?.kill();
                None
            }
            Command::Register(request) => {
                self.store.register(request);
                None
            }
            Command::AddProfiles(add) => {
                self.store.calls.add_profiles(add);
                None
            }
            Command::ReplaceSession(session) => {
                self.store.calls.forget();
                // The keeper lives as long as this loop.
                self.store.replace.send(session).ok();
                None
            }
        }
    }

    fn send(&self, id: RunnerId, message: &ToRunner) -> Option<Event> {
        let sent = self.runners.get(&id)?.queue(message);
        sent.err().map(|error| Event::Garbled { runner: id, error })
    }

    fn start(&mut self, id: RunnerId, role: Role) -> Option<Event> {
        match RunnerProcess::start(id, role.kind(), &self.command, self.events.0.clone()) {
            Ok(runner) => {
                self.runners.insert(id, runner);
                None
            }
            Err(error) => Some(Event::NotStarted { runner: id, error }),
        }
    }

    fn take_back(&self, id: RunnerId) -> Option<Event> {
        Some(match self.runners.get(&id)?.take_back() {
            Ok(runs) => Event::TakenBack { runner: id, runs },
            Err(error) => Event::Garbled { runner: id, error },
        })
    }

    fn show_condition(&mut self, now: Moment) {
        let is_blocked = self.supervisor.is_blocked(now);
        let has_changed = is_blocked != self.store.is_shown_blocked;
        if has_changed || now.since(self.store.condition_at) >= CONDITION_EVERY {
            self.store.condition_at = now;
            let before = self.store.condition.send_replace(self.supervisor.condition(now));
            // That a loop is blocked must not be old when it is read, and a new worker has none.
            if has_changed || is_blocked || before.is_empty() {
                self.store.bells.control.notify_one();
            }
            self.store.is_shown_blocked = is_blocked;
        }
    }
}
