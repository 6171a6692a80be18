//! What Python sees of the sums, and the context variable that carries them to child tasks.

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::clock::{monotonic_ns, run_delay_ns};
use super::tally::{Label, Tally};

/// (wall, in steps, CPU, blocked, awaited, run-queue delay, longest step, steps, squares).
type Reading = (u64, u64, u64, u64, u64, Option<u64>, u64, u64, f64);

/// What the steps of one run of a task are billed to, those of its child tasks included.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct Account(pub(super) Arc<Tally>);

#[pymethods]
impl Account {
    #[new]
    #[pyo3(signature = (label, key=0))]
    fn new(py: Python<'_>, label: &str, key: u64) -> Self {
        Self(Arc::new(Tally::new(Label::of(py, label), key)))
    }

    /// What its steps are called.
    #[getter]
    fn label(&self) -> String {
        self.0.label.name()
    }

    /// What its owner knows it by.
    #[getter]
    fn key(&self) -> u64 {
        self.0.key
    }

    /// The sums of all ended steps.
    fn reading(&self) -> Reading {
        let sums = self.0.sums(monotonic_ns());
        let steps = sums.in_steps;
        (
            sums.wall,
            steps.wall,
            steps.cpu,
            steps.wall.saturating_sub(steps.cpu).saturating_sub(steps.run_delay),
            sums.wall.saturating_sub(steps.wall),
            run_delay_ns().map(|_| steps.run_delay),
            sums.longest,
            sums.steps,
            sums.squares,
        )
    }

    fn __repr__(&self) -> String {
        format!("<Account {:?} {}>", self.label(), self.0.key)
    }
}

static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The context variable that holds the account of the task that runs.
pub(super) fn variable(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let make = || -> PyResult<Py<PyAny>> {
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        Ok(class.call1(("laneway_account",))?.unbind())
    };
    Ok(VARIABLE.get_or_try_init(py, make)?.bind(py))
}

static ATTEMPTS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Tells of the context variable that holds the attempt of a runner; its `account` is billed.
#[pyfunction]
pub(super) fn attempts_here(variable: &Bound<'_, PyAny>) {
    // It is the same variable every time.
    ATTEMPTS.set(variable.py(), variable.clone().unbind()).ok();
}

/// The account of the task that runs, if it is billed.
pub(super) fn present(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let present = variable(py)?.call_method1(intern!(py, "get"), (py.None(),))?;
    if !present.is_none() {
        return Ok(Some(present));
    }
    let Some(attempts) = ATTEMPTS.get(py) else {
        return Ok(None);
    };
    let attempt = attempts.bind(py).call_method1(intern!(py, "get"), (py.None(),))?;
    if attempt.is_none() {
        return Ok(None);
    }
    let account = attempt.getattr(intern!(py, "account"))?;
    Ok((!account.is_none()).then_some(account))
}
