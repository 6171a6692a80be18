//! The watchdog: who blocks an event loop, and where, seen while it does.
//!
//! The meter publishes each step of a watched thread in a slot. A thread of ours, which never needs
//! the GIL, sees a step grow older than the threshold, has the Python stack of the loop's thread
//! taken (`taker.rs`), and classifies the step by what the scheduler says: it computed, it waited
//! in a call, it waited for the GIL, or the host was starved and the code is not to blame.

mod asker;
mod blame;
mod findings;
mod layout;
mod lines;
mod memory;
mod patrol;
mod reader;
mod report;
mod slot;
mod stack;
mod taker;
mod thread;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::error::raised;
use crate::meter::watch_this_thread;
use crate::process::{Birthplace, PerProcess};
use crate::thread::without_signals;
use patrol::Watch;
use stack::Frame;
use taker::StackTaker;

pub(crate) use findings::Finding;
pub(crate) use patrol::Blocked;
pub(crate) use report::{blockage, take_findings, unfinished_findings};
pub(crate) use slot::{Beginning, Owner, Slot, ThreadReading};

/// The one that runs in this process; that of a process which forked it has no thread here.
static RUNNING: PerProcess<Mutex<Option<Arc<Watch>>>> = PerProcess::new();

fn register(py: Python<'_>, watch: Option<Arc<Watch>>) {
    let mut running = RUNNING.get_or_make(py).lock().unwrap_or_else(PoisonError::into_inner);
    *running = watch;
}

/// The watch of this process.
fn running() -> Option<Arc<Watch>> {
    RUNNING.get()?.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The event loop of this process that is blocked now; needs no GIL.
pub(crate) fn blocked() -> Option<Blocked> {
    running()?.blocked()
}

/// How many long steps of this process only a starved host made long, and their nanoseconds.
pub(crate) fn acquitted() -> (u64, u64) {
    running().map_or((0, 0), |watch| watch.acquitted())
}

/// (file, line, function).
type Place = (String, u32, String);

/// (task, key, cause, count, longest, total, stack taken after, stack).
type Found = (String, u64, &'static str, u64, u64, u64, Option<u64>, Vec<Place>);

/// (seconds, task, key, cause, file, line, function).
type BlockedNow = (f64, String, u64, &'static str, Option<String>, Option<u32>, Option<String>);

/// Notices steps that block an event loop for long, and takes the stack while they do.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct Watchdog {
    birthplace: Birthplace,
    watch: Arc<Watch>,
    thread: Mutex<Option<JoinHandle<StackTaker>>>,
}

impl Watchdog {
    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<StackTaker>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Watchdog {
    #[new]
    #[pyo3(signature = (threshold_ms=50.0))]
    fn new(threshold_ms: f64) -> PyResult<Self> {
        if !(1.0..=3_600_000.0).contains(&threshold_ms) {
            return Err(PyValueError::new_err("`threshold_ms` must be between 1 ms and an hour"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was checked"
        )]
        let nanoseconds = (threshold_ms * 1e6) as u64;
        Ok(Self {
            birthplace: Birthplace::here(),
            watch: Arc::new(Watch::new(nanoseconds)),
            thread: Mutex::new(None),
        })
    }

    /// Watches the metered steps of the present thread from now on.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.birthplace.check("watchdog").map_err(raised)?;
        let mut thread = self.thread();
        if thread.is_none() {
            if running().is_some() {
                return Err(PyRuntimeError::new_err("this process has a watchdog already"));
            }
            let mut taker = StackTaker::start(py)?;
            let watch = Arc::clone(&self.watch);
            let patrol = move || {
                watch.patrol(&mut taker);
                taker
            };
            let builder = std::thread::Builder::new().name("laneway-watchdog".to_owned());
            let handle = without_signals(|| builder.spawn(patrol))?;
            *thread = Some(handle);
            register(py, Some(Arc::clone(&self.watch)));
        }
        self.watch.add(watch_this_thread(py));
        Ok(())
    }

    /// Ends watching, for good.
    fn stop(&self, py: Python<'_>) {
        // After a fork there is no thread to wait for.
        if !self.birthplace.is_here() {
            return;
        }
        let Some(thread) = self.thread().take() else {
            return;
        };
        register(py, None);
        self.watch.end();
        if let Ok(taker) = py.detach(|| thread.join()) {
            taker.stop(py);
        }
    }

    /// Everything found since this was last asked, most expensive first.
    fn take(&self, py: Python<'_>) -> Vec<Found> {
        if !self.birthplace.is_here() {
            return Vec::new();
        }
        let place = |frame: Frame| (frame.file, frame.line, frame.function);
        let found = |finding: findings::Finding| {
            (
                finding.label.name(),
                finding.key,
                finding.cause.as_str(),
                finding.count,
                finding.longest_ns,
                finding.total_ns,
                finding.taken_after_ns,
                finding.frames.into_iter().map(place).collect(),
            )
        };
        py.detach(|| self.watch.take()).into_iter().map(found).collect()
    }

    /// The loop of this process that is blocked now, by whom and where.
    #[staticmethod]
    fn current(py: Python<'_>) -> Option<BlockedNow> {
        let Blocked { for_ns, owner, cause, site, .. } = py.detach(blocked)?;
        let (file, line, function) = match site {
            Some(frame) => (Some(frame.file), Some(frame.line), Some(frame.function)),
            None => (None, None, None),
        };
        let seconds = std::time::Duration::from_nanos(for_ns).as_secs_f64();
        Some((seconds, owner.label.name(), owner.key, cause.as_str(), file, line, function))
    }

    /// How many long steps only a starved host made long, and their nanoseconds.
    fn acquitted(&self, py: Python<'_>) -> (u64, u64) {
        if !self.birthplace.is_here() {
            return (0, 0);
        }
        py.detach(|| self.watch.acquitted())
    }
}
