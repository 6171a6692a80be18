//! Taking a thread's Python stack the ordinary way: with the GIL.
//!
//! That needs patience, so a thread of its own does it. Python code gives the GIL up within
//! milliseconds, and a call that waits has given it up already. Only native code that computes
//! with the GIL keeps it; then `reader.rs` looks.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pyo3::prelude::*;

use super::stack::{FRAMES_MAX, Frame, Stack};
use super::thread::OsThread;
use crate::meter::monotonic_ns;
use crate::thread::without_signals;

/// A thread that asks for the GIL and looks at other threads.
#[derive(Debug)]
pub(super) struct Asker {
    requests: Sender<OsThread>,
    answers: Receiver<(OsThread, Option<Stack>)>,
    /// An answer is still to come.
    is_asked: bool,
    handle: JoinHandle<()>,
}

/// The GIL has not come.
#[derive(Debug)]
pub(super) struct NotYet;

impl Asker {
    pub(super) fn start() -> std::io::Result<Self> {
        let (requests, asked) = channel::<OsThread>();
        let (answer, answers) = channel();
        let work = move || {
            for thread in asked {
                let stack = Python::try_attach(|py| stack(py, thread).ok()).flatten();
                if answer.send((thread, stack)).is_err() {
                    return;
                }
            }
        };
        let builder = std::thread::Builder::new().name("laneway-stacks".to_owned());
        let handle = without_signals(|| builder.spawn(work))?;
        Ok(Self { requests, answers, is_asked: false, handle })
    }

    /// Asks for the stack of a thread, unless the answer to an earlier question is still to come.
    pub(super) fn ask(&mut self, thread: OsThread) {
        if self.answers.try_recv().is_ok() {
            // It came too late, and tells what was.
            self.is_asked = false;
        }
        if !self.is_asked {
            self.is_asked = self.requests.send(thread).is_ok();
        }
    }

    /// Waits for the answer on a thread, which may have no stack.
    pub(super) fn answer(
        &mut self,
        thread: OsThread,
        patience: Duration,
    ) -> Result<Option<Stack>, NotYet> {
        match self.answers.recv_timeout(patience) {
            Ok((answered, stack)) => {
                self.is_asked = false;
                if answered.ident == thread.ident {
                    return Ok(stack);
                }
                // An earlier question had to be answered first.
                self.ask(thread);
                Err(NotYet)
            }
            Err(RecvTimeoutError::Timeout) => Err(NotYet),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
        }
    }

    /// Ends the thread, which may need the GIL for that.
    pub(super) fn stop(self) {
        drop(self.requests);
        // It has nothing to tell, and has ended if it panicked.
        drop(self.handle.join());
    }
}

fn stack(py: Python<'_>, thread: OsThread) -> PyResult<Stack> {
    let taken_at = monotonic_ns();
    let stacks = py.import("sys")?.call_method0("_current_frames")?;
    let frames = frames_of(&stacks.call_method1("get", (thread.ident,))?)?;
    Ok(Stack { taken_at, frames })
}

/// A frame and those around it.
pub(super) fn frames_of(innermost: &Bound<'_, PyAny>) -> PyResult<Vec<Frame>> {
    let mut present = innermost.clone();
    let mut frames = Vec::new();
    while !present.is_none() && frames.len() < FRAMES_MAX {
        let code = present.getattr("f_code")?;
        frames.push(Frame {
            file: code.getattr("co_filename")?.extract()?,
            line: present.getattr("f_lineno")?.extract::<Option<u32>>()?.unwrap_or(0),
            function: code.getattr("co_name")?.extract()?,
        });
        present = present.getattr("f_back")?;
    }
    Ok(frames)
}
