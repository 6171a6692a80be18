//! How a worker is asked to end: the first signal drains it, the second ends it at once.

use std::io;
use std::io::Read;
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_engine::Phase;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// A signal that follows another one so soon is its echo.
const ECHO: Duration = Duration::from_millis(50);

/// What asks for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ctrl-C on the terminal.
    Interrupt,
    /// A service manager.
    Terminate,
    /// Standard input was closed by the process that started the worker.
    InputClosed,
}

impl Stop {
    /// The exit status of a worker that ended before its work was done.
    pub(super) const fn status(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate | Self::InputClosed => 143,
        }
    }

    /// The exit status of a worker that had not begun.
    pub(super) const fn status_before_start(self) -> u8 {
        match self {
            Self::InputClosed => 0,
            Self::Interrupt | Self::Terminate => self.status(),
        }
    }
}

/// The wishes for an end, in the order in which they come.
pub(super) struct Shutdown {
    /// `None` for the child of another program: a Ctrl-C reaches both, and the parent decides.
    interrupts: Option<Signal>,
    terminations: Signal,
    input_closed: mpsc::Receiver<()>,
}

impl Shutdown {
    /// Takes over SIGINT and SIGTERM and, if wanted, watches standard input.
    pub(super) fn listen(stop_on_stdin_eof: bool) -> Result<Self, Error> {
        let (sender, input_closed) = mpsc::channel(1);
        if stop_on_stdin_eof {
            watch_input(sender).map_err(|error| unavailable(&error))?;
        }
        let listen = |kind| signal(kind).map_err(|error| unavailable(&error));
        let interrupts = listen(SignalKind::interrupt())?;
        let terminations = listen(SignalKind::terminate())?;
        // The handler stays in place either way, so that the signal does not end the process.
        let interrupts = (!stop_on_stdin_eof).then_some(interrupts);
        Ok(Self { interrupts, terminations, input_closed })
    }

    /// Waits for the next wish.
    pub(super) async fn next(&mut self) -> Stop {
        // A closed channel (nobody watches the input) disables its branch; signals never close.
        tokio::select! {
            Some(()) = next_of(self.interrupts.as_mut()) => Stop::Interrupt,
            Some(()) = self.terminations.recv() => Stop::Terminate,
            Some(()) = self.input_closed.recv() => Stop::InputClosed,
            else => std::future::pending().await,
        }
    }

    /// The worker's phases, and a future that drives them and ends with the second signal.
    pub(super) fn phases(mut self) -> (watch::Receiver<Phase>, impl Future<Output = Stop>) {
        let (sender, receiver) = watch::channel(Phase::Running);
        let drive = async move {
            self.next().await;
            sender.send_replace(Phase::Drain);
            // Some programs send a signal to a process and to its group: that is one wish.
            while tokio::time::timeout(ECHO, self.next()).await.is_ok() {}
            loop {
                let stop = self.next().await;
                // Whoever closes the input asks for a drain, and one is under way.
                if stop != Stop::InputClosed {
                    sender.send_replace(Phase::Now);
                    return stop;
                }
            }
        };
        (receiver, drive)
    }
}

async fn next_of(signals: Option<&mut Signal>) -> Option<()> {
    match signals {
        Some(signals) => signals.recv().await,
        None => None,
    }
}

/// Reads standard input to its end in a thread: nothing else can wait for every kind of input.
fn watch_input(sender: mpsc::Sender<()>) -> io::Result<()> {
    let until_closed = move || {
        let mut buffer = [0; 1_024];
        let mut input = io::stdin().lock();
        // An error ends the input as its end does.
        while input.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
        // Nobody listens any more when the worker has ended already.
        sender.blocking_send(()).unwrap_or_default();
    };
    std::thread::Builder::new().name("stdin".to_owned()).spawn(until_closed).map(drop)
}

fn unavailable(error: &io::Error) -> Error {
    Error::new(Code::Internal, "signals cannot be watched").why(error.to_string())
}
