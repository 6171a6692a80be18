//! The command line, run inside a Python process.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line in this process; gives the exit status.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| laneway::cli::run(arguments))
}
