//! The one tokio runtime that all clients of a process share, and how Python waits for it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use laneway_core::error::{Code, Error};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::error::raised;
use crate::process::Birthplace;
use crate::thread;

/// How long a waiting call leaves Python's signal handlers waiting.
const SIGNAL_CHECK: Duration = Duration::from_millis(50);

/// The runtime and its process. It is never dropped: after a fork its threads are gone, and waiting
/// for them to end would wait for ever.
static SHARED: Mutex<Option<(Birthplace, &'static Runtime)>> = Mutex::new(None);

/// The runtime of this process; the first call starts it.
///
/// The GIL is held throughout (that is what `_py` proves), so no `os.fork` can copy a locked mutex.
pub(crate) fn shared(_py: Python<'_>) -> PyResult<&'static Runtime> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((birthplace, runtime)) = *shared
        && birthplace.is_here()
    {
        return Ok(runtime);
    }
    let runtime: &'static Runtime = Box::leak(Box::new(start().map_err(raised)?));
    *shared = Some((Birthplace::here(), runtime));
    Ok(runtime)
}

fn start() -> Result<Runtime, Error> {
    // One thread moves requests between Python and the store; the work itself is the store's.
    thread::without_signals(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("laneway-client")
            .enable_all()
            .build()
    })
    .map_err(|error| {
        Error::new(Code::Internal, "the client's thread cannot be started").why(error.to_string())
    })
}

/// Waits for a future without the GIL. A signal whose Python handler raises ends the wait.
pub(crate) fn wait<F>(py: Python<'_>, future: F) -> PyResult<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let runtime = shared(py)?;
    let mut future = pin!(future);
    loop {
        let slice = py.detach(|| {
            runtime.block_on(async { tokio::time::timeout(SIGNAL_CHECK, future.as_mut()).await })
        });
        if let Ok(output) = slice {
            return Ok(output);
        }
        py.check_signals()?;
    }
}
