//! The command line, run inside a Python process.

use std::ffi::OsString;

use pyo3::prelude::*;

use crate::thread;

/// Runs the command line in this process; gives the exit status.
///
/// Meanwhile an interrupt ends the process at once, as it ends the native command: Python's own
/// handler would only note it, because no Python code runs that could see the note.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| thread::with_default_interrupt(|| laneway::cli::run(arguments)))
}
