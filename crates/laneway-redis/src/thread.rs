//! The thread on which all input and output happens.
//!
//! The verbs of a store are awaited on runtimes of any kind, and on none: a producer may be a plain
//! Python thread. So the connection lives on a thread of its own, with a runtime of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use laneway_core::error::{Code, Error};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};

/// A running input and output thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct IoThread {
    handle: Handle,
    stop: Arc<Notify>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl IoThread {
    pub(crate) fn start() -> Result<Self, Error> {
        let no_thread = |error: std::io::Error| {
            Error::new(Code::StoreUnavailable, "the thread of the Redis store cannot be started")
                .why(error.to_string())
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let handle = runtime.handle().clone();
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let work = move || runtime.block_on(stopped.notified());
        let thread = thread::Builder::new()
            .name("laneway-redis".to_owned())
            .spawn(work)
            .map_err(no_thread)?;
        Ok(Self { handle, stop, thread: Mutex::new(Some(thread)) })
    }

    /// Runs work on the thread; whoever waits for its answer may be anywhere. The work begins at
    /// once, and the waiting holds no part of it.
    pub(crate) fn run<T: Send + 'static, W>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T, Error>> + Send + use<T, W>
    where
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        drop(self.handle.spawn(async move {
            // Nobody waits any more when the sending fails.
            drop(sender.send(work.await));
        }));
        async { answer.await.unwrap_or_else(|_| Err(gone())) }
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        self.stop.notify_one();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            // The panic was reported by the thread itself.
        }
    }
}

fn gone() -> Error {
    Error::new(Code::StoreUnavailable, "the store is closed")
}
