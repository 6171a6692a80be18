//! Timing a call in a thread or a process. Such calls are few, so all clocks are simply read.

use std::thread::ThreadId;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::attempt::{CallClocks, ProcessClocks};

fn check_thread(thread: ThreadId) -> PyResult<()> {
    if thread == std::thread::current().id() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err("a meter is read in the thread that made it"))
}

/// Measures a call in the present thread, from its creation on.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct ThreadMeter {
    thread: ThreadId,
    start: CallClocks,
}

#[pymethods]
impl ThreadMeter {
    #[new]
    fn new() -> Self {
        Self { thread: std::thread::current().id(), start: CallClocks::now() }
    }

    /// (wall, CPU, run-queue delay, remainder), in nanoseconds.
    fn elapsed(&self) -> PyResult<(u64, u64, Option<u64>, u64)> {
        check_thread(self.thread)?;
        let CallClocks { wall, cpu, run_delay } = self.start.elapsed();
        Ok((wall, cpu, run_delay, wall - cpu - run_delay.unwrap_or(0)))
    }
}

/// Measures a call that has the process for itself, from its creation on.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct ProcessMeter {
    thread: ThreadId,
    process: ProcessClocks,
    start: CallClocks,
}

#[pymethods]
impl ProcessMeter {
    #[new]
    fn new() -> Self {
        Self {
            thread: std::thread::current().id(),
            process: ProcessClocks::now(),
            start: CallClocks::now(),
        }
    }

    /// (wall, thread CPU, process CPU, children's CPU, run-queue delay), in nanoseconds.
    fn elapsed(&self) -> PyResult<(u64, u64, u64, u64, Option<u64>)> {
        check_thread(self.thread)?;
        let CallClocks { wall, cpu, run_delay } = self.start.elapsed();
        let process = self.process.elapsed();
        Ok((wall, cpu, process.cpu, process.children_cpu, run_delay))
    }
}
