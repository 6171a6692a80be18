//! Writes reports to the socket without making the caller wait.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use crate::process::Birthplace;
use crate::thread;

/// How long [`Outbox::flush_for_a_moment`] waits.
const MOMENT: Duration = Duration::from_millis(50);

/// The supervisor has closed its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed;

/// Bytes on their way to the supervisor.
///
/// Threads without the GIL send, so a forked child may find the lock held for ever: whoever may be
/// in one asks first where it is.
#[derive(Debug)]
pub(crate) struct Outbox {
    birthplace: Birthplace,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: Arc<OwnedFd>,
    state: Mutex<State>,
    /// Rung when bytes wait that were none before, when none wait any more, and at the end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What the socket had no room for. While it is not empty only the writer thread writes, so
    /// that frames stay in order.
    leftover: Vec<u8>,
    written: usize,
    has_writer: bool,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Open,
    /// The channel was dropped: nothing comes any more.
    Abandoned,
    /// The supervisor has closed its end.
    Closed,
}

impl Outbox {
    /// An empty one.
    pub(super) fn of(socket: Arc<OwnedFd>) -> Self {
        let state = Mutex::default();
        let shared = Arc::new(Shared { socket, state, changed: Condvar::new() });
        Self { birthplace: Birthplace::here(), shared }
    }

    /// Writes whole frames now, or leaves the rest of them to the writer thread.
    pub(crate) fn send(&self, frames: Vec<u8>) -> Result<(), Closed> {
        let mut state = self.shared.lock();
        if state.phase == Phase::Closed {
            return Err(Closed);
        }
        if !state.leftover.is_empty() {
            state.leftover.extend_from_slice(&frames);
            self.ensure_writer(&mut state);
            return Ok(());
        }
        let written = self.shared.write(&frames).inspect_err(|_| state.phase = Phase::Closed)?;
        if written < frames.len() {
            state.leftover = frames;
            state.written = written;
            self.ensure_writer(&mut state);
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    /// Bytes that wait for the writer thread.
    pub(super) fn backlog(&self) -> usize {
        let state = self.shared.lock();
        state.leftover.len() - state.written
    }

    /// Waits a moment; tells whether everything has been written.
    pub(super) fn flush_for_a_moment(&self) -> Result<bool, Closed> {
        let state = self.shared.lock();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(state, MOMENT, |state| {
                !state.leftover.is_empty() && state.phase != Phase::Closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.phase == Phase::Closed { Err(Closed) } else { Ok(state.leftover.is_empty()) }
    }

    fn ensure_writer(&self, state: &mut State) {
        if state.has_writer {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let writer = std::thread::Builder::new().name("laneway-reports".to_owned());
        // Without the thread the next report tries again; until then the bytes wait.
        state.has_writer =
            thread::without_signals(|| writer.spawn(move || shared.write_leftovers())).is_ok();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // In a forked child there is no thread to end, and the lock may be held for ever.
        if self.birthplace.is_here() {
            self.shared.lock().abandon();
            self.shared.changed.notify_all();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what the socket has room for.
    fn write(&self, bytes: &[u8]) -> Result<usize, Closed> {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match send(&self.socket, rest, SendFlags::empty()) {
                Ok(count) => written += count,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => return Err(Closed),
            }
        }
        Ok(written)
    }

    /// The writer thread: waits for room in the socket and fills it.
    fn write_leftovers(&self) {
        let mut state = self.lock();
        loop {
            while state.leftover.is_empty() && state.phase == Phase::Open {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.leftover.is_empty() || state.phase == Phase::Closed {
                return;
            }
            drop(state);
            let room = poll(&mut [PollFd::new(&*self.socket, PollFlags::OUT)], None);
            state = self.lock();
            let rest = state.leftover.get(state.written..).unwrap_or_default();
            match (room, self.write(rest)) {
                (Ok(_) | Err(Errno::INTR), Ok(count)) => state.written += count,
                _ => state.phase = Phase::Closed,
            }
            if state.phase == Phase::Closed || state.written == state.leftover.len() {
                state.leftover = Vec::new();
                state.written = 0;
                self.changed.notify_all();
            }
        }
    }
}

impl State {
    fn abandon(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Abandoned;
        }
    }
}
