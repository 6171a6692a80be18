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

    /// Runs work on the thread; whoever waits for its answer may be anywhere.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.start_work(work).await.unwrap_or_else(|_| Err(gone()))
    }

    /// Runs work on the thread and blocks the calling thread until it is done.
    pub(crate) fn run_blocking<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, answer) = std::sync::mpsc::channel();
        drop(self.handle.spawn(async move {
            // Nobody waits any more when the sending fails.
            drop(sender.send(work.await));
        }));
        answer.recv().unwrap_or_else(|_| Err(gone()))
    }

    fn start_work<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, Error>> {
        let (sender, answer) = oneshot::channel();
        drop(self.handle.spawn(async move {
            // Nobody waits any more when the sending fails.
            drop(sender.send(work.await));
        }));
        answer
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
