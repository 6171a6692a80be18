//! The one thread through which every change of this store goes.
//!
//! Requests that wait together are committed together, so that many callers share the price of a
//! commit; a request that comes alone does not wait for others. No request is answered before the
//! transaction that holds it has committed.
//!
//! A request that fails after it has changed something spoils its group: the transaction is rolled
//! back and each request of the group runs again in a transaction of its own. This is rare, and it
//! is cheaper than a savepoint for every request.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use laneway_core::clock::Clock;
use laneway_core::error::{Code, Error};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::bell::Ringer;
use crate::fault::{Fault, Result, thread_gone};
use crate::names::Names;
use crate::transaction::{Changes, Rung, Tx};
use crate::watch::Hub;

/// Requests that may wait for the writer; more callers wait for a place.
const REQUESTS_MAX: usize = 1_024;

/// The most work in one group, counted in jobs, so that the first of it does not wait too long.
const GROUP_WEIGHT_MAX: usize = 2_000;

/// How long a transaction waits for another process's to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest single wait between two tries to get the lock.
const WAIT_MAX: Duration = Duration::from_millis(10);

/// Tries until the database is not busy, or patience ends (`LW1007`). The waits grow and are spread
/// by chance, so that several processes get their turns.
#[expect(
    clippy::disallowed_methods,
    reason = "another process holds the lock; nothing announces that it is free"
)]
pub(crate) fn patiently<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut waited = Duration::ZERO;
    let mut longest = Duration::from_micros(200);
    loop {
        match attempt() {
            Err(fault) if fault.is_busy() && waited < PATIENCE => {
                let wait = longest.mul_f64(0.25 + 0.75 * fastrand::f64());
                thread::sleep(wait);
                waited += wait;
                longest = (longest * 3 / 2).min(WAIT_MAX);
            }
            answer => return answer,
        }
    }
}

/// The way to the writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    requests: Option<mpsc::Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on a connection.
    ///
    /// # Errors
    /// When the operating system starts no more threads.
    pub(crate) fn start(worker: WriterThread) -> std::io::Result<Self> {
        let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
        let thread = thread::Builder::new()
            .name(String::from("laneway-write"))
            .spawn(move || worker.serve(waiting))?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    /// Runs a verb in a transaction and answers after the commit. `weight` is the number of jobs it
    /// touches.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        weight: usize,
        verb: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(Call { weight, verb, answer: None, reply });
        let Some(requests) = &self.requests else {
            return Err(thread_gone());
        };
        requests.send(call).await.map_err(|_| thread_gone())?;
        answer.await.map_err(|_| thread_gone())?
    }
}

impl Drop for Writer {
    /// Waits until what was requested is committed and the file is closed.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            // The panic was reported by the thread itself; callers got `LW9001`.
        }
    }
}

/// A verb with its caller.
trait Request: Send {
    fn weight(&self) -> usize;

    /// Runs the verb and keeps its answer. It may run again, when its group was rolled back.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;

    /// Tells the caller the answer, or why there is none.
    fn reply(self: Box<Self>, refused: Option<&Error>);
}

struct Call<F, T> {
    weight: usize,
    verb: F,
    answer: Option<T>,
    reply: oneshot::Sender<std::result::Result<T, Error>>,
}

impl<T: Send, F: FnMut(&mut Tx<'_>) -> Result<T> + Send> Request for Call<F, T> {
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.answer = None;
        self.answer = Some((self.verb)(tx)?);
        Ok(())
    }

    fn reply(self: Box<Self>, refused: Option<&Error>) {
        let answer = match (self.answer, refused) {
            (Some(answer), None) => Ok(answer),
            (_, Some(error)) => Err(error.clone()),
            (None, None) => Err(thread_gone()),
        };
        // A caller that has gone away does not need the answer.
        drop(self.reply.send(answer));
    }
}

/// What the writer thread owns.
#[derive(Debug)]
pub(crate) struct WriterThread {
    /// The connection that writes.
    pub(crate) connection: Connection,
    /// The database's path, for messages.
    pub(crate) path: String,
    /// The store's clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The watchers in this process.
    pub(crate) hub: Arc<Hub>,
    /// The way to watchers in other processes.
    pub(crate) ringer: Option<Ringer>,
}

/// Requests that are committed together, each with its own refusal if it has one.
type Group = Vec<(Box<dyn Request>, Option<Error>)>;

impl WriterThread {
    fn serve(mut self, mut waiting: mpsc::Receiver<Box<dyn Request>>) {
        let mut names = Names::default();
        while let Some(first) = waiting.blocking_recv() {
            let mut weight = first.weight();
            let mut group: Group = vec![(first, None)];
            while weight < GROUP_WEIGHT_MAX {
                let Ok(next) = waiting.try_recv() else { break };
                weight += next.weight();
                group.push((next, None));
            }
            self.perform(group, &mut names);
        }
    }

    fn perform(&mut self, mut group: Group, names: &mut Names) {
        match self.commit(&mut group, names) {
            Ok(rung) => {
                for (request, refused) in group {
                    request.reply(refused.as_ref());
                }
                if let Some(rung) = rung {
                    self.hub.announce(rung);
                    if let Some(ringer) = &mut self.ringer {
                        ringer.ring();
                    }
                }
            }
            Err(fault) if group.len() > 1 && !fault.is_busy() => {
                for request in group {
                    self.perform(vec![request], names);
                }
            }
            Err(fault) => {
                let error = fault.into_error(&self.path);
                for (request, _) in group {
                    request.reply(Some(&error));
                }
            }
        }
    }

    /// Runs a group in one transaction. On an error nothing of the group has happened.
    fn commit(&self, group: &mut Group, names: &mut Names) -> Result<Option<Rung>> {
        patiently(|| Ok(self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?))?;
        let done = self.run(group, names).and_then(|rung| {
            let expected = rung.as_ref().map(|rung| self.hub.expect(rung.numbers()));
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            if let Some(expected) = expected {
                expected.keep();
            }
            Ok(rung)
        });
        if done.is_err() {
            names.forget();
            // After some errors SQLite has rolled back by itself.
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
        }
        done
    }

    fn run(&self, group: &mut Group, names: &mut Names) -> Result<Option<Rung>> {
        let connection = &self.connection;
        let mut changes = Changes::default();
        for (request, refused) in group {
            let before = connection.total_changes();
            let now = self.clock.now();
            let mut tx = Tx { connection, now, names, changes: &mut changes };
            // A group that was rolled back runs again, and what was refused then may pass now.
            *refused = None;
            let Err(fault) = request.run(&mut tx) else {
                continue;
            };
            if connection.is_autocommit() || connection.total_changes() != before {
                return Err(fault);
            }
            *refused = Some(fault.into_error(&self.path));
        }
        changes.finish(connection)
    }
}

/// The error when the operating system starts no thread.
pub(crate) fn no_thread(error: &std::io::Error) -> Fault {
    Fault::Known(
        Error::new(Code::StoreUnavailable, "a thread of the store cannot be started")
            .why(error.to_string())
            .fix("raise the limit of processes (`ulimit -u`) of this user"),
    )
}
