//! What a runner measures, added up in the runner, and sent to its supervisor twice a second.
//!
//! Recording happens in Rust, next to the attempt, and costs a few hundred nanoseconds; a thread
//! that needs no GIL sends the sums. So a blocked event loop is reported while it is blocked, and
//! what blocks it, too.

mod call;
mod gil_waits;
mod own_threads;
mod sender;
mod task;
mod thread_lane;
mod waits;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use laneway_core::job::TaskName;
use laneway_core::profile::{Interpreter, LoopId};
use laneway_engine::protocol::{FromRunner, RunnerCosts};
use pyo3::prelude::*;

use crate::clock::now;
use crate::error::raised;
use crate::process::Birthplace;
use crate::runner::{Handover, RunnerChannel};
use gil_waits::Sampler;
use own_threads::OwnThreads;
use sender::Sender;
use task::TaskBook;
pub(crate) use task::{MeasuredEnd, TaskMeter, record_ends};
use thread_lane::ThreadLane;

/// Adds the classes to the extension module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ProfileBook>()?;
    module.add_class::<TaskMeter>()?;
    module.add_class::<call::CallMeter>()
}

/// What every recording shares.
///
/// Its locks are taken by threads without the GIL, so a fork may copy them while they are held. A
/// child of this process touches none of them: nothing is recorded there, and nobody would send it.
#[derive(Debug)]
struct Shared {
    birthplace: Birthplace,
    interpreter: Interpreter,
    event_loop: LoopId,
    handover: Arc<Handover>,
    tasks: Mutex<Vec<Arc<TaskBook>>>,
    /// Attempts that run in this process.
    running: AtomicU32,
    threads: Mutex<ThreadLane>,
    own_threads: Mutex<OwnThreads>,
    /// Who looks at what threads wait for; `None` where that cannot be told.
    sampler: OnceLock<Option<Sampler>>,
}

impl Shared {
    /// An attempt begins; gives how many run beside it.
    fn begin(&self, sender: &Sender) -> u32 {
        if !self.birthplace.is_here() {
            return 0;
        }
        let peers = self.running.fetch_add(1, Ordering::Relaxed);
        if peers == 0 {
            sender.wake();
        }
        peers
    }

    /// How many attempts run beside one of them.
    fn peers(&self) -> u32 {
        self.running.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// Attempts have ended, and what they measured is recorded: the sender, which sleeps while
    /// nothing runs, must not miss it.
    fn end(&self, attempts: usize) {
        self.running.fetch_sub(u32::try_from(attempts).unwrap_or(0), Ordering::Release);
    }

    fn is_busy(&self) -> bool {
        self.running.load(Ordering::Acquire) > 0
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<Arc<TaskBook>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_threads(&self) -> MutexGuard<'_, OwnThreads> {
        self.own_threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn threads(&self) -> MutexGuard<'_, ThreadLane> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that hardly any other loop has, of whatever process.
fn new_loop() -> LoopId {
    use std::hash::{BuildHasher, RandomState};
    let hash = RandomState::new().hash_one((std::process::id(), now()));
    LoopId(u32::try_from(hash >> 32).unwrap_or(0))
}

/// The profiles of a runner's tasks.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct ProfileBook {
    shared: Arc<Shared>,
    sender: Arc<Sender>,
}

impl ProfileBook {
    fn check(&self) -> PyResult<()> {
        self.shared.birthplace.check("profile book").map_err(raised)
    }
}

#[pymethods]
impl ProfileBook {
    /// Sends what it adds up through `channel`; `interpreter` is such as `cpython-312`.
    #[new]
    fn new(channel: &RunnerChannel, interpreter: &str) -> PyResult<Self> {
        let shared = Arc::new(Shared {
            birthplace: Birthplace::here(),
            interpreter: Interpreter::new(interpreter),
            event_loop: new_loop(),
            handover: channel.handover(),
            tasks: Mutex::default(),
            running: AtomicU32::new(0),
            threads: Mutex::default(),
            own_threads: Mutex::default(),
            sampler: OnceLock::new(),
        });
        let sender = Sender::start(Arc::clone(&shared), channel.outbox())?;
        Ok(Self { shared, sender: Arc::new(sender) })
    }

    /// What measures the attempts of a task.
    fn task(&self, py: Python<'_>, name: &str) -> PyResult<TaskMeter> {
        let name = TaskName::new(name).map_err(raised)?;
        let book = Arc::new(TaskBook::new(py, name));
        self.check()?;
        self.shared.tasks().push(Arc::clone(&book));
        Ok(TaskMeter::new(book, Arc::clone(&self.shared), Arc::clone(&self.sender)))
    }

    /// Tells what it costs to reach the lanes of this runner: starting a coroutine, handing a call
    /// to a thread, serialising a mebibyte, each in nanoseconds.
    fn calibrate(
        &self,
        async_ns: u64,
        thread_ns: u64,
        encode_ns: u64,
        has_gil: bool,
    ) -> PyResult<()> {
        use std::time::Duration;
        let costs = RunnerCosts {
            async_dispatch: Duration::from_nanos(async_ns),
            thread_dispatch: Duration::from_nanos(thread_ns),
            encode_per_mebibyte: Duration::from_nanos(encode_ns),
            has_gil,
        };
        self.check()?;
        self.sender.send(&FromRunner::Calibrated(costs)).map_err(raised)
    }

    /// Nanoseconds since attempts were last handed to the event loop: for so long an attempt that
    /// begins now has stood in line.
    fn in_line_ns(&self) -> u64 {
        self.shared.handover.ago_ns()
    }

    /// Sends what is not sent yet.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.check()?;
        // Whoever takes the last stack may need the GIL.
        py.detach(|| self.sender.flush(&self.shared)).map_err(raised)
    }
}
