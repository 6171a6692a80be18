//! What `laneway profile` measures in a program, and where it is written.
//!
//! Nothing is sent to anybody: a thread that needs no GIL writes the sums to a file, so that they
//! outlive whatever ends the program.

mod loops;
mod tasks;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway::profiling::{self, BlockedPart, Part};
use laneway_core::job::TaskName;
use laneway_core::profile::Interpreter;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::raised;
use crate::meter::{Account, Label, watch_this_thread};
use crate::process::Birthplace;
use crate::watchdog::{self, Finding};
use loops::LoopLog;
use tasks::{Facts, Present, TaskLog};
use writer::Writer;

/// Adds the classes to the extension module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ProfileRecorder>()?;
    module.add_class::<RecordedTask>()
}

/// What the program's threads and the writer share.
#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    birthplace: Birthplace,
    interpreter: Interpreter,
    tasks: Mutex<Vec<Arc<TaskLog>>>,
    /// Names that turned out to mean others: those of requests before their route was known.
    renamed: Mutex<BTreeMap<TaskName, TaskName>>,
    loops: Mutex<Vec<LoopLog>>,
    /// One part at a time is written.
    writing: Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Reads the clocks of every loop, and records the runs that have ended.
    fn look(&self) {
        for log in locked(&self.tasks).clone() {
            log.record_ended();
        }
        for seen in locked(&self.loops).iter_mut() {
            seen.look();
        }
    }

    /// Writes all that is known.
    fn write(&self) -> std::io::Result<()> {
        let _turn = locked(&self.writing);
        self.look();
        profiling::write(&self.folder, &self.part())
    }

    fn part(&self) -> Part {
        let logs = locked(&self.tasks).clone();
        for finding in watchdog::take_findings() {
            let name = finding.label.name();
            let log = logs.iter().find(|log| log.name.as_str() == name);
            if let (Some(log), Some(site)) = (log, finding.site()) {
                log.blame(&site);
            }
        }
        let unfinished: Vec<_> =
            locked(&self.loops).iter().filter_map(LoopLog::unfinished).collect();
        let long = watchdog::unfinished_findings();
        let renamed = locked(&self.renamed).clone();
        let mut tasks = BTreeMap::new();
        for log in logs {
            let name = renamed.get(&log.name).unwrap_or(&log.name).clone();
            let steps = unfinished.iter().filter(|(owner, _)| owner.label == log.label);
            let sites = long.iter().filter(|finding| finding.label == log.label);
            let present = Present {
                steps: steps.map(|(_, time)| *time).collect(),
                sites: sites.filter_map(Finding::site).collect(),
            };
            log.add_to(&mut tasks, name, present);
        }
        let blocked = watchdog::blocked().map(|blocked| {
            let name = blocked.owner.label.name();
            let meant = renamed.iter().find(|(before, _)| before.as_str() == name);
            BlockedPart {
                nanos: blocked.for_ns,
                task: meant.map_or(name, |(_, after)| after.as_str().to_owned()),
                place: blocked.site.map(|site| format!("{}:{}", site.file, site.line)),
            }
        });
        Part {
            process: std::process::id(),
            interpreter: self.interpreter.as_str().to_owned(),
            loops: locked(&self.loops).iter().map(LoopLog::part).collect(),
            tasks: tasks.into_values().collect(),
            blocked,
            acquitted: watchdog::acquitted(),
        }
    }
}

/// Adds up what the tasks of a program measure, and writes it to a folder again and again.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct ProfileRecorder {
    shared: Arc<Shared>,
    facts: Arc<Facts>,
    /// Ends with this.
    #[expect(dead_code, reason = "it is kept for the thread that it ends when it goes")]
    writer: Writer,
}

impl ProfileRecorder {
    fn check(&self) -> PyResult<()> {
        self.shared.birthplace.check("profile recorder").map_err(raised)
    }
}

#[pymethods]
impl ProfileRecorder {
    /// Writes to `folder`; `interpreter` is such as `cpython-312`.
    #[new]
    fn new(py: Python<'_>, folder: PathBuf, interpreter: &str) -> PyResult<Self> {
        let threads = py.import("threading")?.getattr("_active")?.cast_into::<PyDict>()?;
        let interpreter = Interpreter::new(interpreter);
        let birthplace = Birthplace::here();
        let facts = Facts {
            birthplace,
            interpreter: interpreter.clone(),
            is_alone: AtomicBool::new(threads.len() <= 1),
            threads: threads.into(),
        };
        let shared = Arc::new(Shared {
            folder,
            birthplace,
            interpreter,
            tasks: Mutex::default(),
            renamed: Mutex::default(),
            loops: Mutex::default(),
            writing: Mutex::default(),
        });
        let writer = Writer::start(&shared)?;
        Ok(Self { shared, facts: Arc::new(facts), writer })
    }

    /// What measures the runs of a task or, if `is_endpoint`, of an endpoint.
    #[pyo3(signature = (name, *, is_endpoint=false))]
    fn task(&self, py: Python<'_>, name: &str, is_endpoint: bool) -> PyResult<RecordedTask> {
        let name = TaskName::new(name).map_err(raised)?;
        self.check()?;
        let mut tasks = locked(&self.shared.tasks);
        if let Some(known) = tasks.iter().find(|log| log.name == name) {
            return Ok(RecordedTask(Arc::clone(known)));
        }
        let label = Label::of(py, name.as_str());
        let log = Arc::new(TaskLog::new(label, name, is_endpoint, Arc::clone(&self.facts)));
        tasks.push(Arc::clone(&log));
        Ok(RecordedTask(log))
    }

    /// Says that what was recorded under `name` belongs to `meant`.
    fn rename(&self, name: &str, meant: &str) -> PyResult<()> {
        let name = TaskName::new(name).map_err(raised)?;
        let meant = TaskName::new(meant).map_err(raised)?;
        self.check()?;
        locked(&self.shared.renamed).insert(name, meant);
        Ok(())
    }

    /// The present thread begins to run an event loop of a class.
    fn enter_loop(&self, py: Python<'_>, kind: &str) {
        if !self.shared.birthplace.is_here() {
            return;
        }
        let slot = watch_this_thread(py);
        let mut loops = locked(&self.shared.loops);
        let is_first = loops.is_empty();
        match loops.iter_mut().find(|seen| seen.is_of(&slot)) {
            Some(seen) => seen.enter(kind),
            None => loops.push(LoopLog::new(slot, kind)),
        }
        drop(loops);
        if is_first {
            // However soon the program ends, it is known that a loop ran. It fails when the command
            // that asked for it is gone; the program goes on.
            py.detach(|| self.shared.write()).ok();
        }
    }

    /// The present thread has stopped running its event loop.
    fn leave_loop(&self, py: Python<'_>) {
        if !self.shared.birthplace.is_here() {
            return;
        }
        let slot = watch_this_thread(py);
        if let Some(seen) = locked(&self.shared.loops).iter_mut().find(|seen| seen.is_of(&slot)) {
            seen.leave();
        }
    }

    /// Writes what is known now.
    fn write(&self, py: Python<'_>) -> PyResult<()> {
        if !self.shared.birthplace.is_here() {
            return Ok(());
        }
        py.detach(|| self.shared.write()).map_err(|error| PyOSError::new_err(error.to_string()))
    }
}

/// Measures the runs of one task.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct RecordedTask(Arc<TaskLog>);

#[pymethods]
impl RecordedTask {
    /// A run begins; gives what its steps are billed to. It ends when its coroutine does.
    fn account(&self) -> Account {
        TaskLog::begin(&self.0)
    }
}
