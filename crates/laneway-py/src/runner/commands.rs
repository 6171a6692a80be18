//! A supervisor's commands as Python sees them.

use laneway_engine::protocol::{Run, StopReason, ToRunner};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// The commands of the frames of one read.
#[derive(Debug, Default)]
pub(super) struct Commands {
    runs: Vec<Run>,
    stops: Vec<(u64, StopReason)>,
    pings: Vec<u64>,
    is_draining: bool,
}

impl Commands {
    /// Adds what one frame says.
    pub(super) fn add(&mut self, message: ToRunner) {
        match message {
            ToRunner::Run(runs) if self.runs.is_empty() => self.runs = runs,
            ToRunner::Run(runs) => self.runs.extend(runs),
            ToRunner::Stop { attempt, reason } => self.stops.push((attempt, reason)),
            ToRunner::Drain => self.is_draining = true,
            ToRunner::Ping(number) => self.pings.push(number),
        }
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.stops.is_empty() && self.pings.is_empty() && !self.is_draining
    }

    /// The four parts as the stub describes them.
    pub(super) fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let runs = self.runs.iter().map(|run| run_tuple(py, run)).collect::<PyResult<Vec<_>>>()?;
        let stops = self.stops.iter().map(|(attempt, reason)| (*attempt, reason.as_str()));
        let parts = (
            PyList::new(py, runs)?,
            PyList::new(py, stops.collect::<Vec<_>>())?,
            PyList::new(py, self.pings)?,
            self.is_draining,
        );
        Ok(parts.into_pyobject(py)?.into_any())
    }
}

fn run_tuple<'py>(py: Python<'py>, run: &Run) -> PyResult<Bound<'py, PyTuple>> {
    (
        run.attempt,
        run.task,
        run.lane.as_str(),
        run.job.to_string(),
        run.queue.as_str(),
        run.number,
        PyBytes::new(py, &run.args.0),
    )
        .into_pyobject(py)
}
