//! Threads that read, each with a connection of its own, so that reads never wait for the writer.
//!
//! They are started when they are needed and end when they have had nothing to do for a while.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use laneway_core::error::Error;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::fault::{Result, thread_gone};
use crate::open::open_reader;
use crate::writer::no_thread;

/// Reads that go on at once.
const THREADS_MAX: usize = 4;

/// How long a thread waits for a further read before it ends.
const IDLE_MAX: Duration = Duration::from_secs(20);

type Read = Box<dyn FnOnce(Result<&Connection>) + Send>;

/// The pool of reading threads.
#[derive(Debug)]
pub(crate) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Read>,
    /// Threads that are running.
    threads: usize,
    /// Those of them that wait for something to do.
    idle: usize,
    is_closed: bool,
    handles: Vec<JoinHandle<()>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Readers {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self(Arc::new(Shared { file, state: Mutex::default(), wake: Condvar::new() }))
    }

    /// Runs a question in a transaction of its own: it sees one state of the database.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Error> {
        let path = self.0.file.display().to_string();
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            let answered = connection.and_then(|connection| {
                let transaction = connection.unchecked_transaction()?;
                let answered = question(connection)?;
                transaction.finish()?;
                Ok(answered)
            });
            // A caller that has gone away does not need the answer.
            drop(reply.send(answered.map_err(|fault| fault.into_error(&path))));
        });
        self.submit(read)?;
        answer.await.map_err(|_| thread_gone())?
    }

    fn submit(&self, read: Read) -> std::result::Result<(), Error> {
        let mut state = self.0.lock();
        state.waiting.push_back(read);
        if state.idle >= state.waiting.len() || state.threads == THREADS_MAX {
            drop(state);
            self.0.wake.notify_one();
            return Ok(());
        }
        let shared = self.0.clone();
        let started =
            thread::Builder::new().name(String::from("laneway-read")).spawn(move || shared.serve());
        match started {
            Ok(handle) => {
                state.threads += 1;
                state.handles.retain(|handle| !handle.is_finished());
                state.handles.push(handle);
                Ok(())
            }
            Err(_) if state.threads > 0 => Ok(()),
            Err(error) => {
                state.waiting.clear();
                Err(no_thread(&error).into_error(&self.0.file.display().to_string()))
            }
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let handles = {
            let mut state = self.0.lock();
            state.is_closed = true;
            std::mem::take(&mut state.handles)
        };
        self.0.wake.notify_all();
        for handle in handles {
            if handle.join().is_err() {
                // The panic was reported by the thread itself; its caller got `LW9001`.
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut connection = None;
        while let Some(read) = self.next() {
            if connection.is_none() {
                match open_reader(&self.file) {
                    Ok(opened) => connection = Some(opened),
                    Err(fault) => {
                        read(Err(fault));
                        continue;
                    }
                }
            }
            if let Some(connection) = &connection {
                read(Ok(connection));
            }
        }
    }

    /// The next thing to read; `None` when the thread shall end.
    fn next(&self) -> Option<Read> {
        let mut state = self.lock();
        loop {
            if let Some(read) = state.waiting.pop_front() {
                return Some(read);
            }
            if state.is_closed {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let (woken, timeout) =
                self.wake.wait_timeout(state, IDLE_MAX).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}
