//! Taking the stack of a thread that blocks.
//!
//! First it is read from memory: a thread that waits, or is in native code, stands still, whoever
//! holds the GIL. A thread that moves runs Python code, and so gives up the GIL within
//! milliseconds: it is asked for, and then the stack cannot move.
//!
//! A signal whose handler writes the stack, as `faulthandler` has it, is no way: it may come while
//! the interpreter links or unlinks a frame, and reading frames then crashes the process.

use std::time::Duration;

use pyo3::prelude::*;

use super::asker::Asker;
use super::reader::{Moving, Reader};
use super::stack::Stack;
use super::thread::OsThread;

/// How long a thread has to stand still.
const STILL: Duration = Duration::from_micros(500);

/// How long the GIL is waited for before it is looked whether the thread stands still now.
const GIL_PATIENCE: Duration = Duration::from_millis(10);

const ROUNDS: u32 = 5;

/// Takes stacks.
#[derive(Debug)]
pub(super) struct StackTaker {
    asker: Asker,
    /// `None` where memory cannot be read; then native code with the GIL is seen when it returns.
    reader: Option<Reader>,
}

impl StackTaker {
    /// Starts what it needs.
    pub(super) fn start(py: Python<'_>) -> PyResult<Self> {
        Ok(Self { asker: Asker::start()?, reader: Reader::start(py) })
    }

    /// Ends it.
    pub(super) fn stop(self, py: Python<'_>) {
        py.detach(|| self.asker.stop());
    }

    /// The stack of a thread; `None` if it cannot be had now.
    pub(super) fn take(&mut self, thread: OsThread) -> Option<Stack> {
        let read = |reader: &Reader, before: Vec<_>| reader.stack(thread.state, &before);
        let mut before = self.reader.as_ref().and_then(|reader| reader.raw(thread.state));
        std::thread::park_timeout(STILL);
        for round in 0..ROUNDS {
            if let Some((reader, frames)) = self.reader.as_ref().zip(before.take()) {
                match read(reader, frames) {
                    Ok(stack) => return Some(stack),
                    Err(Moving(frames)) => before = Some(frames),
                }
            }
            if round == 0 {
                self.asker.ask(thread);
            }
            if let Ok(answer) = self.asker.answer(thread, GIL_PATIENCE) {
                return answer;
            }
        }
        None
    }
}
