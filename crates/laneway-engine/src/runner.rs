//! A runner's process and the socket to it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::Arc;

use laneway_core::error::{Code, Error};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::fleet::RunnerId;
use crate::options::WorkerOptions;
use crate::protocol::{Run, RunnerKind, ToRunner};
use crate::runner::attend::attend;
use crate::runner::line::Line;
use crate::supervisor::Event;

mod attend;
mod exit;
mod line;
mod memory;

pub(crate) use exit::Exit;

/// The process of a runner. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct RunnerProcess {
    line: Arc<Line>,
    bells: Arc<Bells>,
    pid: u32,
}

/// What is to be done to a process. It is done by whoever waits for its end, so that no signal
/// reaches another process that has got its number since.
#[derive(Debug, Default)]
struct Bells {
    interrupt: Notify,
    kill: Notify,
}

/// How runners are started.
#[derive(Debug, Clone)]
pub(crate) struct RunnerCommand {
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    app: String,
}

impl RunnerCommand {
    pub(crate) fn new(options: &WorkerOptions) -> Self {
        let words = options.runner_command.clone().unwrap_or_else(|| {
            vec![options.python.clone().into(), "-m".into(), "laneway._runner".into()]
        });
        Self { words, environment: options.runner_environment.clone(), app: options.app.clone() }
    }

    /// The child finds its socket as standard input, so no other descriptor is inherited.
    fn spawn(&self, kind: RunnerKind, socket: OwnedFd) -> Result<Child, Error> {
        let (program, arguments) = self.words.split_first().ok_or_else(|| {
            Error::new(Code::InvalidSetting, "the command that starts runners is empty")
        })?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args(["--kind", kind.as_str(), "--fd", "0", "--app", &self.app])
            .env("PYTHONUNBUFFERED", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(socket))
            .kill_on_drop(true);
        command.spawn().map_err(|error| {
            let program = program.display();
            Error::new(Code::PythonNotFound, format!("`{program}` cannot be started"))
                .why(error.to_string())
        })
    }
}

impl RunnerProcess {
    /// Starts a runner; what it says and how it ends is told as events.
    pub(crate) fn start(
        id: RunnerId,
        kind: RunnerKind,
        command: &RunnerCommand,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, Error> {
        let (near_end, far_end) = UnixStream::pair().map_err(|error| no_socket(&error))?;
        let kept_end = far_end.try_clone().map_err(|error| no_socket(&error))?;
        let line = Arc::new(Line::new(near_end, kept_end).map_err(|error| no_socket(&error))?);
        let child = command.spawn(kind, far_end.into())?;
        let pid = child.id().unwrap_or_default();
        let bells = Arc::new(Bells::default());
        let (exited, exit) = oneshot::channel();
        tokio::spawn(wait(child, Arc::clone(&bells), exited));
        tokio::spawn(attend(id, Arc::clone(&line), exit, events));
        Ok(Self { line, bells, pid })
    }

    /// Queues a message; [`flush`](Self::flush) sends it.
    pub(crate) fn queue(&self, message: &ToRunner) -> Result<(), Error> {
        self.line.queue(message)
    }

    /// Sends what is queued, as far as the socket takes it; the rest goes when it can.
    pub(crate) fn flush(&self) {
        self.line.flush();
    }

    /// Takes back the jobs that the runner has not read.
    pub(crate) fn take_back(&self) -> Result<Vec<Run>, Error> {
        self.line.take_back()
    }

    /// Sends `SIGUSR1`: the runner's main thread shall look at its socket though a task runs in it.
    pub(crate) fn interrupt(&self) {
        self.bells.interrupt.notify_one();
    }

    pub(crate) fn kill(&self) {
        self.bells.kill.notify_one();
    }

    /// What the process holds of the machine's memory, where that can be told.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        memory::resident_bytes(self.pid)
    }
}

impl Drop for RunnerProcess {
    fn drop(&mut self) {
        self.bells.kill.notify_one();
    }
}

async fn wait(mut child: Child, bells: Arc<Bells>, exited: oneshot::Sender<Exit>) {
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = bells.interrupt.notified() => interrupt(&child),
            () = bells.kill.notified() => {
                // It fails only when the process has ended already, which `wait` tells then.
                child.start_kill().ok();
            }
        }
    };
    exited.send(Exit::new(status)).ok();
}

fn interrupt(child: &Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It fails only when the process has ended already, which `wait` tells then.
        kill_process(pid, Signal::USR1).ok();
    }
}

fn no_socket(error: &io::Error) -> Error {
    Error::new(Code::RunnerUnstable, "no socket can be made for a runner")
        .why(error.to_string())
        .fix("raise the limit of open files (`ulimit -n`)")
}
