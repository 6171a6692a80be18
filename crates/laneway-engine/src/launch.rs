//! How a worker comes to life: a runner imports the application first, because only it knows which
//! tasks there are and, often, which store.

use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::store::Store;
use tokio::sync::{mpsc, watch};

use crate::clock::Timeline;
use crate::fleet::RunnerId;
use crate::observer::{Observer, WorkerReport};
use crate::options::WorkerOptions;
use crate::protocol::{AppManifest, FromRunner, Hello, PROTOCOL_VERSION, RunnerKind};
use crate::registration;
use crate::runner::{RunnerCommand, RunnerProcess};
use crate::shutdown::Phase;
use crate::supervisor::{Event, READY_TIME, Supervisor, protocol_mismatch};
use crate::worker::{StoreSide, Worker};

/// Events of runners that wait for the supervisor; with more, their sockets fill up.
const EVENTS_MAX: usize = 256;

/// A worker whose first runner has imported the application.
#[derive(Debug)]
pub struct Launch {
    options: WorkerOptions,
    timeline: Timeline,
    hello: Hello,
    first: RunnerProcess,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
}

impl Launch {
    /// Starts the first runner and waits until it has imported the application. Must be called in a
    /// Tokio runtime; dropping the launch ends the runner.
    ///
    /// # Errors
    /// What the runner says when it refuses (`LW1030` and its neighbours), `LW1033` when there is
    /// no such interpreter, `LW1034` when it is of another release, `LW1035` when it ends or is
    /// silent.
    pub async fn start(options: WorkerOptions) -> Result<Self, Error> {
        options.check()?;
        let timeline = Timeline::start();
        let mut events = mpsc::channel(EVENTS_MAX);
        let command = RunnerCommand::new(&options);
        let first =
            RunnerProcess::start(RunnerId(1), RunnerKind::Main, &command, events.0.clone())?;
        let hello = tokio::time::timeout(READY_TIME, first_word(&mut events.1));
        let hello = hello.await.unwrap_or_else(|_| Err(silent(READY_TIME)))?;
        if hello.protocol != PROTOCOL_VERSION {
            return Err(protocol_mismatch(&hello));
        }
        Ok(Self { options, timeline, hello, first, events })
    }

    /// What the application declares.
    pub const fn manifest(&self) -> &AppManifest {
        &self.hello.app
    }

    /// The Python that the runners use, such as `CPython 3.12.1`.
    pub fn python(&self) -> &str {
        &self.hello.python
    }

    /// Works until it is told to end and everything is settled.
    ///
    /// # Errors
    /// `LW1037` when a task belongs to another application in this store; the store's error when
    /// the first session cannot be opened; and whatever makes going on useless: runners that do not
    /// stay alive, a store that is damaged. Held jobs are given back before.
    pub async fn run<S: Store, O: Observer>(
        self,
        store: S,
        shutdown: watch::Receiver<Phase>,
        observer: O,
    ) -> Result<WorkerReport, Error> {
        let request = registration::of(&self.hello.app, None, self.options.take_over);
        let others = store.register_tasks(request).await?;
        if !self.options.take_over {
            registration::check(&others, &self.hello.app.identity)?;
        }
        let store = StoreSide::open(store, &self.options).await?;
        let command = RunnerCommand::new(&self.options);
        let now = self.timeline.now();
        let (supervisor, first) = Supervisor::new(self.options, self.hello, now);
        let worker = Worker {
            supervisor,
            timeline: self.timeline,
            command,
            runners: [(first, self.first)].into(),
            events: self.events,
            observer,
            store,
            happenings: registration::taken_over(others).into_iter().collect(),
            phase: Phase::Running,
        };
        worker.run(shutdown).await
    }
}

async fn first_word(events: &mut mpsc::Receiver<Event>) -> Result<Hello, Error> {
    while let Some(event) = events.recv().await {
        match event {
            Event::Said { messages, .. } => match messages.into_iter().next() {
                Some(FromRunner::Hello(hello)) => return Ok(hello),
                Some(FromRunner::Refused(error)) => return Err(error),
                Some(other) => {
                    return Err(Error::new(Code::RunnerMismatch, "the runner did not say hello")
                        .why(format!("it said {other:?} first")));
                }
                None => {}
            },
            Event::Garbled { error, .. } => return Err(error),
            Event::Exited { exit, .. } => {
                let error = Error::new(Code::RunnerUnstable, "the first runner did not get ready");
                return Err(error.why(exit.how));
            }
            _ => {}
        }
    }
    Err(silent(Duration::ZERO))
}

fn silent(waited: Duration) -> Error {
    Error::new(Code::RunnerUnstable, "the first runner did not get ready")
        .why(format!("it has said nothing for {} s", waited.as_secs()))
        .fix("look for code at import time of the application that waits for something")
}
