//! Which coroutines get a meter: those of attempts, and of the tasks that metered ones start.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::profile::Measurement;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::account::{self, Account};
use super::attempt::{Attempt, Beginnings};
use super::coroutine::{Parts, made_for_attempt, made_of, meter_in};

/// The coroutine of a task that is created now, metered if the task that creates it is.
///
/// What is no coroutine, or is metered already, comes back as it is.
#[pyfunction]
#[pyo3(signature = (coroutine, /))]
pub(super) fn metered_child(coroutine: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let Some(owner) = account::present(coroutine.py())? else {
        return Ok(coroutine);
    };
    if !is_coroutine(&coroutine)? || meter_in(&coroutine).is_some() {
        return Ok(coroutine);
    }
    let tally = match meter_in(&owner) {
        Some(attempt) => attempt.tally(),
        None => Arc::as_ptr(&owner.cast::<Account>()?.get().0),
    };
    if tally.is_null() {
        return Ok(coroutine);
    }
    made_of(Parts { coroutine, owner, tally, is_entered: true })
}

/// The coroutine of an attempt, metered; nothing if it is some other awaitable.
///
/// Its context names the attempt in the variable that `attempts_here` was told of, and the attempt
/// names this as its `account`: so no other variable is set, which would cost more than the first
/// step of many a coroutine.
pub(crate) fn metered_attempt<'py>(
    coroutine: Bound<'py, PyAny>,
    task: Bound<'py, PyAny>,
    beginnings: Beginnings,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if !is_coroutine(&coroutine)? {
        return Ok(None);
    }
    made_for_attempt(coroutine, task, Attempt::new(beginnings)).map(Some)
}

/// Whether a task accepts it: nearly always one of Python's own, else one of Cython's, say.
fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static OWN: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static ANY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = object.py();
    if object.get_type().is(OWN.import(py, "types", "CoroutineType")?) {
        return Ok(true);
    }
    object.is_instance(ANY.import(py, "collections.abc", "Coroutine")?)
}

/// What `metered_attempt` made.
#[derive(Debug)]
pub(crate) struct AttemptMeter<'py>(Bound<'py, PyAny>);

impl<'py> AttemptMeter<'py> {
    /// The meter of an attempt, if the object is one.
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> Option<Self> {
        meter_in(object)?.attempt()?;
        Some(Self(object.clone()))
    }

    fn attempt(&self) -> Option<&Attempt> {
        meter_in(&self.0)?.attempt()
    }

    /// What was measured until `now`, without what ran beside it and the size of its result, and
    /// how long before that it ended.
    pub(crate) fn measurement(&self, now: u64) -> (Measurement, Duration) {
        self.attempt().map(|attempt| attempt.measurement(now)).unwrap_or_default()
    }

    /// Its wall and CPU time until `now`.
    pub(crate) fn times(&self, now: u64) -> (Duration, Duration) {
        self.attempt().map(|attempt| attempt.times(now)).unwrap_or_default()
    }

    /// For how long it stood in line for its first step, and how long that took.
    pub(crate) fn first_step(&self) -> Option<(Duration, Duration)> {
        self.attempt()?.first_step()
    }

    /// Whether both are of one task.
    pub(crate) fn is_of_the_task_of(&self, other: &Self) -> bool {
        self.task().zip(other.task()).is_some_and(|(own, other)| own.is(&other))
    }

    /// The meter of its task.
    pub(crate) fn task(&self) -> Option<Bound<'py, PyAny>> {
        meter_in(&self.0)?.owner(self.0.py())
    }
}
