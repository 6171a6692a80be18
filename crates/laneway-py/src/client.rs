//! A program's handle to a store: it enqueues jobs, asks about them and waits for their ends.

use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway::AnyStore;
use laneway_core::duration::SECONDS_MAX;
use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;
use laneway_core::store::Store;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use tokio::sync::{mpsc, oneshot};

use crate::answer::Answer;
use crate::error::raised;
use crate::mailbox::{Mailbox, Outcome};
use crate::process::Birthplace;
use crate::runtime;

mod enqueue;
mod opening;
mod subscription;

use opening::Opened;
use subscription::{Key, Receiver, Subscriptions};

/// A handle to a store.
///
/// A method with `mailbox` and `ticket` answers there and returns `None` at once; without them it
/// waits and returns the value (or raises `NativeError`).
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct Client {
    birthplace: Birthplace,
    url: String,
    origin: String,
    payload_max: usize,
    /// `None` once closed.
    connection: Mutex<Option<Connection>>,
    /// Ends when the last clone of [`Connection::under_way`] is dropped; taken by `close`.
    all_done: Mutex<Option<mpsc::Receiver<Infallible>>>,
}

/// What a client lets go of when it is closed.
#[derive(Debug, Clone)]
struct Connection {
    store: AnyStore,
    subscriptions: Subscriptions,
    /// Each call under way holds a clone. Nothing can be sent: only its being dropped tells
    /// something.
    under_way: mpsc::Sender<Infallible>,
}

impl Client {
    fn slot(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> PyResult<Connection> {
        self.birthplace.check("client").map_err(raised)?;
        self.slot().clone().ok_or_else(|| {
            raised(
                Error::new(
                    Code::StoreUnavailable,
                    format!("the client of `{}` is closed", self.url),
                )
                .why("`close()` was called on it")
                .fix("make a new client, or close this one later"),
            )
        })
    }

    /// Starts `call` and leaves its answer in the mailbox, or waits for it where there is none.
    fn answer<'py, F>(
        py: Python<'py>,
        connection: Connection,
        place: Option<(&Mailbox, i64)>,
        call: impl FnOnce(AnyStore) -> F,
    ) -> PyResult<Option<Bound<'py, PyAny>>>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let Connection { store, under_way, .. } = connection;
        let answer = call(store);
        let Some((mailbox, ticket)) = place else {
            let outcome = runtime::wait(py, answer)?;
            return outcome.map_err(raised)?.into_python(py).map(Some);
        };
        let reply = mailbox.reply(ticket);
        runtime::shared(py)?.spawn(async move {
            reply.send(answer.await);
            drop(under_way);
        });
        Ok(None)
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (url=None, *, folder=None))]
    fn new(py: Python<'_>, url: Option<&str>, folder: Option<PathBuf>) -> PyResult<Self> {
        let Opened { store, url, origin, payload_max } = opening::open(py, url, folder)?;
        let (under_way, all_done) = mpsc::channel(1);
        let connection =
            Connection { subscriptions: Subscriptions::of(store.clone()), store, under_way };
        Ok(Self {
            birthplace: Birthplace::here(),
            url,
            origin,
            payload_max,
            connection: Mutex::new(Some(connection)),
            all_done: Mutex::new(Some(all_done)),
        })
    }

    /// The store's URL, without secrets.
    #[getter]
    fn store(&self) -> &str {
        &self.url
    }

    /// Where that URL comes from, such as `LANEWAY_STORE` or `pyproject.toml`.
    #[getter]
    fn store_origin(&self) -> &str {
        &self.origin
    }

    /// The most bytes of encoded arguments or of an encoded result.
    #[getter]
    const fn payload_max(&self) -> usize {
        self.payload_max
    }

    /// Adds jobs, all or none of each 1,000; gives (id, created) for each.
    #[pyo3(signature = (jobs, mailbox=None, ticket=0))]
    fn enqueue<'py>(
        &self,
        py: Python<'py>,
        jobs: &Bound<'py, PyAny>,
        mailbox: Option<&Bound<'py, Mailbox>>,
        ticket: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let connection = self.connection()?;
        let jobs = enqueue::new_jobs(jobs, self.payload_max)?;
        Self::answer(py, connection, place(mailbox, ticket), |store| async move {
            enqueue::in_batches(&store, jobs).await.map(Answer::Enqueued)
        })
    }

    /// What adds one job inside a transaction of another driver: the SQL function to be called, and
    /// its two parameters, the job as JSON and the arguments.
    fn enqueueing<'py>(
        &self,
        py: Python<'py>,
        job: &Bound<'py, PyAny>,
    ) -> PyResult<(String, String, Bound<'py, PyBytes>)> {
        let one = PyTuple::new(py, [job])?;
        let jobs = enqueue::new_jobs(&one, self.payload_max)?;
        let job = jobs.into_iter().next().ok_or_else(|| {
            raised(Error::new(Code::Internal, "a job was lost before it was described"))
        })?;
        let laneway::Enqueueing { function, job, args } =
            self.connection()?.store.enqueueing(job).map_err(raised)?;
        Ok((function, job, PyBytes::new(py, &args)))
    }

    /// Waits until a job ends; `None` when the time is over first. Interruptible by signals.
    #[pyo3(signature = (job, timeout=None))]
    fn wait<'py>(
        &self,
        py: Python<'py>,
        job: &str,
        timeout: Option<f64>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let subscriptions = self.connection()?.subscriptions;
        let job = parsed(job)?;
        let (sender, receiver) = oneshot::channel();
        let key = Key::of_waiter();
        subscriptions.add(runtime::shared(py)?, job, key, Receiver::Waiter(sender));
        let patience = patience(timeout);
        // The timer is made inside the future because only the runtime's context can make one.
        let waited = runtime::wait(py, async { tokio::time::timeout(patience, receiver).await });
        match waited {
            Ok(Ok(Ok(outcome))) => {
                Answer::Ended(outcome.map_err(raised)?).into_python(py).map(Some)
            }
            Ok(Ok(Err(_))) => Err(raised(Error::new(
                Code::StoreUnavailable,
                format!("the client of `{}` was closed while job `{job}` was waited for", self.url),
            ))),
            Ok(Err(_)) => {
                subscriptions.remove(&key);
                Ok(None)
            }
            Err(interruption) => {
                subscriptions.remove(&key);
                Err(interruption)
            }
        }
    }

    /// Sends the `JobEnd` of a job to the mailbox, once. All subscriptions share one watch.
    fn subscribe(
        &self,
        py: Python<'_>,
        job: &str,
        mailbox: &Bound<'_, Mailbox>,
        ticket: i64,
    ) -> PyResult<()> {
        let subscriptions = self.connection()?.subscriptions;
        let job = parsed(job)?;
        let mailbox = mailbox.get();
        let key = Key::of_ticket(mailbox.number(), ticket);
        let receiver = Receiver::Mailbox(mailbox.reply(ticket));
        subscriptions.add(runtime::shared(py)?, job, key, receiver);
        Ok(())
    }

    /// Takes a subscription back.
    fn unsubscribe(&self, mailbox: &Bound<'_, Mailbox>, ticket: i64) -> PyResult<()> {
        self.birthplace.check("client").map_err(raised)?;
        if let Some(connection) = &*self.slot() {
            connection.subscriptions.remove(&Key::of_ticket(mailbox.get().number(), ticket));
        }
        Ok(())
    }

    /// Everything known of a job (as `laneway jobs show --json` prints it), or `None`.
    #[pyo3(signature = (job, mailbox=None, ticket=0))]
    fn job<'py>(
        &self,
        py: Python<'py>,
        job: &str,
        mailbox: Option<&Bound<'py, Mailbox>>,
        ticket: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let connection = self.connection()?;
        let job = parsed(job)?;
        Self::answer(py, connection, place(mailbox, ticket), |store| async move {
            let record = store.job(job).await?;
            Ok(Answer::Job(record.map(Box::new)))
        })
    }

    /// Asks for cancellation; gives `done`, `asked`, `too_late` or `unknown` for each.
    #[pyo3(signature = (jobs, mailbox=None, ticket=0))]
    fn cancel<'py>(
        &self,
        py: Python<'py>,
        jobs: Vec<String>,
        mailbox: Option<&Bound<'py, Mailbox>>,
        ticket: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let connection = self.connection()?;
        let jobs = all_parsed(jobs)?;
        Self::answer(py, connection, place(mailbox, ticket), |store| async move {
            store.cancel(jobs).await.map(Answer::Cancelled)
        })
    }

    /// Makes ended or parked jobs ready again; gives `done`, `refused` or `unknown` for each.
    #[pyo3(signature = (jobs, mailbox=None, ticket=0))]
    fn requeue<'py>(
        &self,
        py: Python<'py>,
        jobs: Vec<String>,
        mailbox: Option<&Bound<'py, Mailbox>>,
        ticket: i64,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let connection = self.connection()?;
        let jobs = all_parsed(jobs)?;
        Self::answer(py, connection, place(mailbox, ticket), |store| async move {
            store.requeue(jobs).await.map(Answer::Requeued)
        })
    }

    /// Waits for what is under way and lets go of the store.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.birthplace.check("client").map_err(raised)?;
        let Some(connection) = self.slot().take() else {
            return Ok(());
        };
        let Connection { store, subscriptions, under_way } = connection;
        let listener = subscriptions.close();
        drop(under_way);
        let all_done = self.all_done.lock().unwrap_or_else(PoisonError::into_inner).take();
        runtime::wait(py, async {
            if let Some(mut all_done) = all_done {
                all_done.recv().await;
            }
            if let Some(listener) = listener {
                // Its end is the cancellation that was just asked for.
                drop(listener.await);
            }
        })?;
        py.detach(|| drop((store, subscriptions)));
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<Client of {} (from {})>", self.url, self.origin)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some(connection) = self.slot().take() else {
            return;
        };
        if self.birthplace.is_here() {
            connection.subscriptions.close();
        } else {
            // The store's threads exist in the parent only. Whatever would wait for them must not
            // be dropped here.
            Box::leak(Box::new(connection));
        }
    }
}

fn place<'a>(mailbox: Option<&'a Bound<'_, Mailbox>>, ticket: i64) -> Option<(&'a Mailbox, i64)> {
    mailbox.map(|mailbox| (mailbox.get(), ticket))
}

fn parsed(job: &str) -> PyResult<JobId> {
    job.parse().map_err(raised)
}

fn all_parsed(jobs: Vec<String>) -> PyResult<Vec<JobId>> {
    jobs.into_iter().map(|job| parsed(&job)).collect()
}

/// How long a call waits; a time that is no number of seconds stands for the longest.
fn patience(timeout: Option<f64>) -> Duration {
    match timeout {
        Some(seconds) if seconds < SECONDS_MAX => Duration::from_secs_f64(seconds.max(0.0)),
        _ => Duration::from_secs_f64(SECONDS_MAX),
    }
}
