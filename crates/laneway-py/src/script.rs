//! The choice of a lane for the items of one `laneway.map`, handed to core.

use laneway_core::verdict::script::{self, Choice, Facts, Gil, Place, Reason};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What is known of the items, by the names that core gives it.
#[derive(FromPyObject)]
struct ItemFacts {
    seen: u64,
    left: Option<u64>,
    wall: f64,
    cpu: f64,
    queued: f64,
    gil: String,
    cores: u64,
    concurrency: Option<u64>,
    interval: f64,
    pickled: f64,
    process_start: f64,
    process_hindrance: String,
}

impl TryFrom<ItemFacts> for Facts {
    type Error = PyErr;

    fn try_from(facts: ItemFacts) -> PyResult<Self> {
        let gil = match facts.gil.as_str() {
            "held" => Gil::Held,
            "free" => Gil::Free,
            "unknown" => Gil::Unknown,
            other => return Err(PyValueError::new_err(format!("no such state: {other}"))),
        };
        Ok(Self {
            seen: facts.seen,
            left: facts.left,
            wall: facts.wall,
            cpu: facts.cpu,
            queued: facts.queued,
            gil,
            cores: facts.cores,
            concurrency: facts.concurrency,
            interval: facts.interval,
            pickled: facts.pickled,
            process_start: facts.process_start,
            has_processes: facts.process_hindrance.is_empty(),
        })
    }
}

/// (place, width, what decided).
#[pyfunction]
fn choose_place(facts: ItemFacts) -> PyResult<(&'static str, u64, &'static str)> {
    let Choice { place, width, reason } = script::choose(&facts.try_into()?);
    let place = match place {
        Place::Inline => "inline",
        Place::Thread => "thread",
        Place::Process => "process",
    };
    let reason = match reason {
        Reason::Waits => "waits",
        Reason::WaitsInPart => "waits in part",
        Reason::LetsGoOfTheGil => "lets go of the GIL",
        Reason::Computes => "computes",
        Reason::NoProcesses => "no processes",
        Reason::Rate => "rate",
        Reason::Small => "small",
        Reason::StarvedHost => "starved host",
    };
    Ok((place, width, reason))
}

/// How many items travel to a process together.
#[pyfunction]
fn chunk_of(seconds_per_item: f64, left: Option<u64>, width: u64) -> u64 {
    script::chunk_of(seconds_per_item, left, width)
}

/// Adds the functions, and what they are not asked about, to the extension module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("THREADS_MAX", script::THREADS_MAX)?;
    module.add("CORES_USED_FREE", script::CORES_USED_FREE)?;
    module.add_function(wrap_pyfunction!(choose_place, module)?)?;
    module.add_function(wrap_pyfunction!(chunk_of, module)?)
}
