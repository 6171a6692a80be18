//! The attempts of one task.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{Interpreter, Measurement, Occupancy, Profile, ProfileKey, SizeBucket};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::Shared;
use super::call::{CallMeter, Scope};
use super::sender::Sender;
use crate::clock::now;
use crate::meter::{Account, Label};

/// The sums since they were last sent.
#[derive(Debug)]
pub(super) struct TaskBook {
    pub(super) name: TaskName,
    pub(super) label: Label,
    sums: Mutex<BTreeMap<(Lane, SizeBucket), Profile>>,
}

impl TaskBook {
    pub(super) fn new(py: Python<'_>, name: TaskName) -> Self {
        let label = Label::of(py, name.as_str());
        Self { name, label, sums: Mutex::default() }
    }

    fn sums(&self) -> MutexGuard<'_, BTreeMap<(Lane, SizeBucket), Profile>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an attempt and, for one in a thread, what its lane did meanwhile.
    pub(super) fn record(
        &self,
        lane: Lane,
        run: &Measurement,
        error: Option<&str>,
        interpreter: &Interpreter,
    ) {
        let size_bucket = SizeBucket::of(run.args_bytes);
        let mut sums = self.sums();
        let profile = sums.entry((lane, size_bucket)).or_insert_with(|| {
            let (task, interpreter) = (self.name.clone(), interpreter.clone());
            Profile::new(ProfileKey { task, lane, size_bucket, interpreter })
        });
        profile.record(run, now());
        if let Some(kind) = error {
            profile.errors.record(kind);
        }
    }

    /// Adds what the thread lane did while attempts of this task ran in it.
    pub(super) fn occupied(&self, occupancy: &Occupancy) {
        let mut sums = self.sums();
        let of_threads = sums.iter_mut().find(|((lane, _), _)| *lane == Lane::Thread);
        if let Some((_, profile)) = of_threads {
            profile.occupancy.merge(occupancy);
        }
    }

    pub(super) fn take(&self) -> Vec<Profile> {
        std::mem::take(&mut *self.sums()).into_values().collect()
    }
}

/// Measures the attempts of one task.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct TaskMeter {
    book: Arc<TaskBook>,
    shared: Arc<Shared>,
    sender: Arc<Sender>,
}

impl TaskMeter {
    pub(super) fn new(book: Arc<TaskBook>, shared: Arc<Shared>, sender: Arc<Sender>) -> Self {
        Self { book, shared, sender }
    }

    fn begin(&self, lane: Lane, scope: Scope) -> CallMeter {
        let peers = self.shared.begin(&self.sender);
        if lane == Lane::Thread {
            self.shared.threads().began(&self.book);
        }
        CallMeter::begin((Arc::clone(&self.book), Arc::clone(&self.shared)), (lane, scope), peers)
    }
}

#[pymethods]
impl TaskMeter {
    /// A coroutine attempt begins; gives what its steps are billed to.
    fn coroutine(&self, key: u64) -> Account {
        self.shared.begin(&self.sender);
        Account::billed(self.book.label, key)
    }

    /// A coroutine attempt has ended; gives its CPU time in microseconds. The end is as
    /// `RunnerChannel.done` takes it.
    fn coroutine_ended(
        &self,
        account: &Account,
        payload: &Bound<'_, PyBytes>,
        end: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        let peers = self.shared.peers();
        let measured = account.measurement();
        if measured.wall.is_zero() {
            // It came to no step at all: its arguments did not fit.
            self.shared.end();
            return Ok(0);
        }
        let result = end.cast::<PyBytes>().ok();
        let error = if result.is_some() { None } else { Some(error_kind(end)?) };
        let run = Measurement {
            args_bytes: payload.as_bytes().len() as u64,
            result_bytes: result.map_or(0, |result| result.as_bytes().len() as u64),
            peers,
            is_error: error.is_some(),
            ..measured
        };
        self.book.record(Lane::Async, &run, error.as_deref(), &self.shared.interpreter);
        self.shared.end();
        Ok(u64::try_from(run.cpu.as_micros()).unwrap_or(u64::MAX))
    }

    /// An attempt begins in this thread of the thread lane.
    fn thread(&self) -> CallMeter {
        self.begin(Lane::Thread, Scope::Thread)
    }

    /// An attempt begins that has this process for itself.
    fn process(&self) -> CallMeter {
        self.begin(Lane::Process, Scope::Process)
    }
}

/// What kind of error an end is: a failure's kind, or else its code; or the reason of a stop. The
/// name of an exception's class may be any text, and must not keep the end from being told.
fn error_kind(end: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = |value: &Bound<'_, PyAny>| -> PyResult<String> {
        Ok(value.cast::<PyString>()?.to_string_lossy().into_owned())
    };
    let Ok(failure) = end.cast::<PyTuple>() else {
        return text(end);
    };
    let kind = text(&failure.get_item(1)?)?;
    if kind.is_empty() { text(&failure.get_item(0)?) } else { Ok(kind) }
}
