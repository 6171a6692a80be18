//! What a store answered, and how Python sees it.

use laneway_core::job::Failure;
use laneway_core::store::{Cancelled, Enqueued, Finished, JobRecord, Requeued};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use serde_json::Value;

/// The answer to a call of the client, still free of Python, so that tasks can carry it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Of `enqueue`.
    Enqueued(Vec<Enqueued>),
    /// Of `wait` and `subscribe`.
    Ended(Finished),
    /// Of `job`.
    Job(Option<Box<JobRecord>>),
    /// Of `cancel`.
    Cancelled(Vec<Cancelled>),
    /// Of `requeue`.
    Requeued(Vec<Requeued>),
}

impl Answer {
    /// The answer as the stub describes it.
    pub(crate) fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Enqueued(jobs) => {
                let jobs = jobs.into_iter().map(|job| (job.id.to_string(), job.created));
                Ok(PyList::new(py, jobs.collect::<Vec<_>>())?.into_any())
            }
            Self::Ended(finished) => Ok(end(py, finished)?.into_any()),
            Self::Job(None) => Ok(py.None().into_bound(py)),
            Self::Job(Some(record)) => json(py, &laneway::view::job(&record)),
            Self::Cancelled(jobs) => {
                let words = jobs.into_iter().map(cancelled_word);
                Ok(PyList::new(py, words.collect::<Vec<_>>())?.into_any())
            }
            Self::Requeued(jobs) => {
                let words = jobs.into_iter().map(requeued_word);
                Ok(PyList::new(py, words.collect::<Vec<_>>())?.into_any())
            }
        }
    }
}

fn end(py: Python<'_>, finished: Finished) -> PyResult<Bound<'_, PyTuple>> {
    let result = finished.result.map(|payload| PyBytes::new(py, &payload.0));
    let failure = finished
        .failure
        .map(|Failure { code, kind, message, traceback }| (code, kind, message, traceback));
    (finished.state.as_str(), result, failure).into_pyobject(py)
}

const fn cancelled_word(answer: Cancelled) -> &'static str {
    match answer {
        Cancelled::Done => "done",
        Cancelled::Asked => "asked",
        Cancelled::TooLate => "too_late",
        Cancelled::Unknown => "unknown",
    }
}

const fn requeued_word(answer: Requeued) -> &'static str {
    match answer {
        Requeued::Done => "done",
        Requeued::Refused(_) => "refused",
        Requeued::Unknown => "unknown",
    }
}

/// A JSON value as Python's `json` module would read it.
fn json<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(truth) => truth.into_pyobject(py)?.to_owned().into_any(),
        Value::Number(number) => {
            if let Some(whole) = number.as_i64() {
                whole.into_pyobject(py)?.into_any()
            } else if let Some(whole) = number.as_u64() {
                whole.into_pyobject(py)?.into_any()
            } else {
                number.as_f64().into_pyobject(py)?.into_any()
            }
        }
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(json(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (name, field) in fields {
                dict.set_item(name, json(py, field)?)?;
            }
            dict.into_any()
        }
    })
}
