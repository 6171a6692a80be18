//! The meter: where the time of a task goes, at a price that can stay on in production.
//!
//! Every step of a coroutine (from one suspension to the next) is timed on two clocks: the wall's,
//! and the thread's own CPU clock. What is in neither the CPU time nor the scheduler's run-queue
//! delay was spent blocking the event loop. Reading the CPU clock is a system call, so it is read
//! only when 100 µs have passed since it was last read, and extrapolated in between: at most one
//! reading, and at most 100 µs of error, per 100 µs. Where the kernel tells for nothing that the
//! thread has stayed on its processor, one reading is enough for a millisecond.
//!
//! `clock.rs` reads the clocks, `presence.rs` tells whether a thread stayed on its processor,
//! `step.rs` bills a step, `tally.rs` holds the sums, `coroutine.rs` is the wrapper that Python
//! sees, `guise.rs` makes it pass for what it wraps, `metered.rs` puts it around the coroutines of
//! attempts and of their child tasks, `attempt.rs` times attempts, and `threads.rs` lets one thread
//! look at another's clocks.

mod account;
mod attempt;
mod clock;
mod coroutine;
mod guise;
mod metered;
mod presence;
mod step;
mod tally;
mod threads;

use pyo3::prelude::*;

pub(crate) use account::Account;
pub(crate) use attempt::{Arrival, Beginnings, CallClocks, ProcessClocks};
pub(crate) use clock::{monotonic_ns, process_cpu_ns, thread_cpu_ns};
pub(crate) use metered::{AttemptMeter, metered_attempt};
pub(crate) use step::watch_this_thread;
pub(crate) use tally::{Label, Sink, StepTime, Sums, Tally};

/// Adds the meter's classes to the extension module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Account>()?;
    module.add_class::<threads::ThreadClocks>()?;
    module.add_function(wrap_pyfunction!(threads::thread_schedules, module)?)?;
    module.add("Meter", coroutine::class(module.py())?)?;
    module.add_function(wrap_pyfunction!(metered::metered_child, module)?)?;
    module.add_function(wrap_pyfunction!(account::attempts_here, module)?)?;
    module.add("account_here", account::variable(module.py())?)
}
