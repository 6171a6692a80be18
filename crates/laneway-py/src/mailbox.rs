//! Where answers wait until an event loop collects them.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_core::error::{Code, Error};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::answer::Answer;
use crate::error::raised;
use crate::process::Birthplace;

/// An answer, or why there is none.
pub(crate) type Outcome = Result<Answer, Error>;

/// (ticket, value, error), as Python takes it.
type Drained = (i64, Py<PyAny>, Py<PyAny>);

/// Collects answers for one event loop, which watches `fileno()` and then calls `drain()`.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct Mailbox {
    birthplace: Birthplace,
    letters: Arc<Letters>,
}

/// The part of a mailbox that answering tasks hold.
#[derive(Debug)]
pub(crate) struct Letters(Mutex<State>);

#[derive(Debug)]
struct State {
    waiting: Vec<(i64, Outcome)>,
    /// The end that the event loop watches and the end that wakes it; `None` once closed.
    bell: Option<(UnixStream, UnixStream)>,
}

impl Letters {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an answer; drops it when the mailbox is closed.
    fn put(&self, ticket: i64, outcome: Outcome) {
        let mut state = self.lock();
        let State { waiting, bell: Some((_, sender)) } = &mut *state else {
            return;
        };
        waiting.push((ticket, outcome));
        if waiting.len() == 1 {
            // The bell holds at most one byte, so it is never full, and its other end lives beside
            // it: ringing cannot fail.
            drop(sender.write(&[1]));
        }
    }

    /// Takes every answer and silences the bell, in one step: a bell without answers cannot be
    /// seen.
    fn take(&self) -> Vec<(i64, Outcome)> {
        let mut state = self.lock();
        let State { waiting, bell: Some((receiver, _)) } = &mut *state else {
            return Vec::new();
        };
        if !waiting.is_empty() {
            drop(receiver.read(&mut [0; 8]));
        }
        std::mem::take(waiting)
    }
}

/// The duty to answer one ticket. Dropping it unanswered, as a panic would, answers with our bug,
/// so that nobody waits for ever.
#[derive(Debug)]
pub(crate) struct Reply {
    letters: Arc<Letters>,
    ticket: i64,
    is_sent: bool,
}

impl Reply {
    /// Puts the answer into the mailbox.
    pub(crate) fn send(mut self, outcome: Outcome) {
        self.is_sent = true;
        self.letters.put(self.ticket, outcome);
    }

    /// Gives up the duty: nobody waits any more.
    pub(crate) fn dismiss(mut self) {
        self.is_sent = true;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.is_sent {
            let error = Error::new(Code::Internal, "a call to the store ended without an answer");
            self.letters.put(self.ticket, Err(error));
        }
    }
}

impl Mailbox {
    /// The duty to answer `ticket` here.
    pub(crate) fn reply(&self, ticket: i64) -> Reply {
        Reply { letters: Arc::clone(&self.letters), ticket, is_sent: false }
    }

    /// A number that no other living mailbox has.
    pub(crate) fn number(&self) -> usize {
        Arc::as_ptr(&self.letters).addr()
    }
}

#[pymethods]
impl Mailbox {
    #[new]
    fn new() -> PyResult<Self> {
        let (receiver, sender) = UnixStream::pair().and_then(non_blocking)?;
        let state = State { waiting: Vec::new(), bell: Some((receiver, sender)) };
        Ok(Self { birthplace: Birthplace::here(), letters: Arc::new(Letters(Mutex::new(state))) })
    }

    /// A descriptor that is readable while answers wait.
    fn fileno(&self) -> PyResult<RawFd> {
        self.birthplace.check("mailbox").map_err(raised)?;
        let state = self.letters.lock();
        let (receiver, _) =
            state.bell.as_ref().ok_or_else(|| PyValueError::new_err("the mailbox is closed"))?;
        Ok(receiver.as_raw_fd())
    }

    /// Every answer that has come: (ticket, value, error).
    fn drain(&self, py: Python<'_>) -> PyResult<Vec<Drained>> {
        self.birthplace.check("mailbox").map_err(raised)?;
        self.letters
            .take()
            .into_iter()
            .map(|(ticket, outcome)| match outcome.map(|answer| answer.into_python(py)) {
                Ok(Ok(value)) => Ok((ticket, value.unbind(), py.None())),
                // A value that cannot be converted must not take the other answers with it.
                Ok(Err(error)) => Ok((ticket, py.None(), error.into_value(py).into_any())),
                Err(error) => Ok((ticket, py.None(), raised(error).into_value(py).into_any())),
            })
            .collect()
    }

    /// Drops what is still to come.
    fn close(&self) {
        // In a forked child nothing comes, and the lock may be held for ever.
        if !self.birthplace.is_here() {
            return;
        }
        let mut state = self.letters.lock();
        state.waiting.clear();
        state.bell = None;
    }
}

fn non_blocking(ends: (UnixStream, UnixStream)) -> io::Result<(UnixStream, UnixStream)> {
    ends.0.set_nonblocking(true)?;
    ends.1.set_nonblocking(true)?;
    Ok(ends)
}
