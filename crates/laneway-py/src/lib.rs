//! `laneway._native`: what Python needs of Laneway and cannot do itself.
//!
//! **What is this?** Two halves. The *client* (`Client`, `JobTemplate`, `Mailbox`) enqueues jobs
//! and waits for their ends on any store. The *runner's side of the socket* (`RunnerChannel`) takes
//! attempts from a supervisor and reports their ends.
//!
//! **What does it promise?** The GIL is released while anything is waited for, and taken once per
//! batch. Every failure is a `NativeError` with a code. Nothing here runs on Python's threads but
//! conversions: a program that computes for a minute delays no heartbeat.
//!
//! **What does it deliberately not do?** It decides nothing about jobs and encodes no values:
//! payloads pass through as bytes. Only `laneway._bridge` imports it; its contract is
//! `_native.pyi`.
//!
//! **Where to start reading?** `python/laneway/_native.pyi`, then `client.rs` and `runner.rs`.

mod answer;
#[cfg(target_os = "linux")]
mod asleep;
mod book;
mod client;
mod clock;
mod command_line;
mod error;
mod identity;
mod mailbox;
mod meter;
mod pace;
mod process;
mod recorder;
mod runner;
mod runtime;
mod schedstat;
mod script;
mod template;
mod thread;
mod watchdog;

use pyo3::prelude::*;

use crate::client::Client;
use crate::mailbox::Mailbox;
use crate::pace::Pace;
use crate::runner::RunnerChannel;
use crate::template::JobTemplate;
use crate::watchdog::Watchdog;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("version", laneway::VERSION)?;
    module.add("error_codes", error::codes(module.py())?)?;
    module.add("NativeError", error::class(module.py())?)?;
    module.add_class::<JobTemplate>()?;
    module.add_class::<Mailbox>()?;
    module.add_class::<Client>()?;
    module.add_class::<RunnerChannel>()?;
    module.add_class::<Pace>()?;
    meter::register(module)?;
    book::register(module)?;
    recorder::register(module)?;
    script::register(module)?;
    module.add_class::<Watchdog>()?;
    module.add_function(wrap_pyfunction!(thread::raise_in_thread, module)?)?;
    module.add_function(wrap_pyfunction!(command_line::main, module)?)?;
    Ok(())
}
