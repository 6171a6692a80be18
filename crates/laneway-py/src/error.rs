//! Coded errors as Python exceptions.

use laneway_core::error::{Code, Error};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple, PyType};

create_exception!(
    laneway._native,
    NativeError,
    PyException,
    "A coded error; `args` is (code, what, why, fix, retryable)."
);

/// The names of the exception's attributes, in the order of its `args`.
const ATTRIBUTES: [&str; 5] = ["code", "what", "why", "fix", "retryable"];

/// The exception class with a property for each of its arguments.
///
/// The limited API of Python 3.10 cannot add fields to a built-in exception, so `args` holds the
/// values; that also makes the exception picklable.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let class = py.get_type::<NativeError>();
    let property = py.import("builtins")?.getattr("property")?;
    for (place, name) in ATTRIBUTES.into_iter().enumerate() {
        let getter = PyCFunction::new_closure(
            py,
            None,
            None,
            move |own: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<Py<PyAny>> {
                Ok(own.get_item(0)?.getattr("args")?.get_item(place)?.unbind())
            },
        )?;
        class.setattr(name, property.call1((getter,))?)?;
    }
    Ok(class)
}

/// Every code with its title and its general advice.
pub(crate) fn codes(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let codes = PyDict::new(py);
    for code in Code::ALL {
        let entry = code.entry();
        codes.set_item(code.to_string(), (entry.title, entry.fix))?;
    }
    Ok(codes)
}

/// The exception for an error.
#[expect(clippy::needless_pass_by_value, reason = "its place is `map_err(raised)`")]
pub(crate) fn raised(error: Error) -> PyErr {
    NativeError::new_err((
        error.code().to_string(),
        error.what().to_owned(),
        error.reason().to_owned(),
        error.remedy().to_owned(),
        error.is_retryable(),
    ))
}
