//! The program that is measured: starting it, handing signals on, and its end.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use laneway_core::error::{Code, Error};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

use super::folder::Folder;
use crate::cli::{Context, python, runtime};

/// How often somebody is told that the program still runs.
const TICK: Duration = Duration::from_secs(1);

/// What is to be started.
#[derive(Debug)]
pub(super) struct Program {
    command: Vec<OsString>,
    /// What the import path was given.
    import_path: Option<String>,
}

impl Program {
    /// The command; a script without one is run by the Python of the project.
    pub(super) fn find(command: &[String], context: &Context) -> Result<Self, Error> {
        let mut words: Vec<OsString> = command.iter().map(OsString::from).collect();
        let is_script = command.first().is_some_and(|first| {
            Path::new(first).extension().is_some_and(|extension| extension == "py")
        });
        if is_script {
            let found = python::find(&context.settings()?, &context.sources)?;
            words.insert(0, found.path.into_os_string());
        }
        let import_path = context.sources.variable("PYTHONPATH").map(str::to_owned);
        Ok(Self { command: words, import_path })
    }

    pub(super) fn start(&self, folder: &Folder, threshold: Duration) -> Result<Running, Error> {
        let (first, rest) = self
            .command
            .split_first()
            .ok_or_else(|| Error::new(Code::InvalidArgument, "there is no program to start"))?;
        let mut path = folder.hook().into_os_string();
        if let Some(before) = self.import_path.as_ref().filter(|before| !before.is_empty()) {
            path.push(":");
            path.push(before);
        }
        let child = Command::new(first)
            .args(rest)
            .env("PYTHONPATH", path)
            .env("LANEWAY_PROFILE", folder.path())
            .env("LANEWAY_PROFILE_PARENT", std::process::id().to_string())
            .env("LANEWAY_PROFILE_THRESHOLD_MS", (threshold.as_secs_f64() * 1e3).to_string())
            .spawn()
            .map_err(|error| cannot_start(first, &error))?;
        Ok(Running { child })
    }
}

fn cannot_start(program: &OsString, error: &io::Error) -> Error {
    let shown = program.display();
    Error::new(Code::InvalidArgument, format!("`{shown}` cannot be started"))
        .why(error.to_string())
        .fix("write the command as you would without the profiler, behind `laneway profile --`")
}

/// A program that was started.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
}

impl Running {
    /// Waits for the end and hands signals on meanwhile; gives the exit status.
    pub(super) fn wait(mut self, mut tick: impl FnMut()) -> Result<u8, Error> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let is_on_terminal = io::stdin().is_terminal();
        let runtime = runtime()?;
        let waited = runtime.block_on(async move {
            let mut interrupts = signal(SignalKind::interrupt())?;
            let mut terminations = signal(SignalKind::terminate())?;
            let mut hang_ups = signal(SignalKind::hangup())?;
            let mut ticks = interval(TICK);
            ticks.tick().await;
            let child = tokio::task::spawn_blocking(move || self.child.wait());
            tokio::pin!(child);
            loop {
                let handed = tokio::select! {
                    ended = &mut child => return ended.map_err(io::Error::other)?,
                    _ = ticks.tick() => {
                        tick();
                        continue;
                    }
                    // A terminal interrupts the program, too.
                    _ = interrupts.recv() => (!is_on_terminal).then_some(Signal::INT),
                    _ = terminations.recv() => Some(Signal::TERM),
                    _ = hang_ups.recv() => (!is_on_terminal).then_some(Signal::HUP),
                };
                if let (Some(signal), Some(process)) = (handed, process) {
                    // It fails when the program has ended, and then so has the wait for it.
                    kill_process(process, signal).ok();
                }
            }
        });
        let waited: ExitStatus = waited.map_err(|error| {
            Error::new(Code::Internal, "the program cannot be waited for").why(error.to_string())
        })?;
        Ok(status_of(waited))
    }
}

/// The exit status as a shell has it: 128 and the number of the signal that ended it.
fn status_of(ended: ExitStatus) -> u8 {
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
