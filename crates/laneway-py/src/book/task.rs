//! The attempts of one task.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{
    Looks, Measurement, Occupancy, Profile, ProfileKey, SeenBlocked, SizeBucket,
};
use laneway_engine::protocol::End;
use pyo3::prelude::*;

use super::Shared;
use super::call::{CallMeter, Scope};
use super::gil_waits::Sampler;
use super::sender::Sender;
use crate::clock::now;
use crate::meter::{Arrival, AttemptMeter, Beginnings, Label, metered_attempt, monotonic_ns};

/// What is not sent yet.
#[derive(Debug, Default)]
struct Sums {
    profiles: BTreeMap<(Lane, SizeBucket), Profile>,
    /// Of attempts in threads, by their size: what is not told yet.
    seen: BTreeMap<SizeBucket, SeenBlocked>,
}

/// The sums since they were last sent.
#[derive(Debug)]
pub(super) struct TaskBook {
    pub(super) name: TaskName,
    pub(super) label: Label,
    /// The size of the arguments of the last coroutine that began.
    last_args_bytes: AtomicU64,
    sums: Mutex<Sums>,
}

/// A book that is open.
pub(super) struct Page<'a> {
    sums: MutexGuard<'a, Sums>,
    task: &'a TaskName,
    shared: &'a Shared,
}

impl Page<'_> {
    /// Adds an attempt that ended at `at`.
    pub(super) fn record(
        &mut self,
        lane: Lane,
        run: &Measurement,
        error: Option<&str>,
        at: Timestamp,
    ) {
        let size_bucket = SizeBucket::of(run.args_bytes);
        let profile = self.sums.profiles.entry((lane, size_bucket)).or_insert_with(|| {
            let (task, interpreter) = (self.task.clone(), self.shared.interpreter.clone());
            Profile::new(ProfileKey { task, lane, size_bucket, interpreter })
        });
        profile.record(run, at);
        if lane == Lane::Async {
            profile.loops.ran(self.shared.event_loop, at.minus(run.wall), at);
        }
        if let Some(kind) = error {
            profile.errors.record(kind);
        }
    }

    /// Adds what an attempt in a thread was seen to wait for while it was blocked.
    pub(super) fn looked_at(&mut self, run: &Measurement, looks: Looks) {
        let seen = self.sums.seen.entry(SizeBucket::of(run.args_bytes)).or_default();
        seen.record(run.blocked, looks);
    }

    /// Adds what threads of coroutines' own computed.
    fn own_threads(&mut self, cpu: Duration) {
        let on_loop = self.sums.profiles.iter_mut().find(|((lane, _), _)| *lane == Lane::Async);
        if let Some((_, profile)) = on_loop {
            profile.other_threads_cpu = profile.other_threads_cpu.saturating_add(cpu);
        }
    }
}

impl TaskBook {
    pub(super) fn new(py: Python<'_>, name: TaskName) -> Self {
        let label = Label::of(py, name.as_str());
        let last_args_bytes = AtomicU64::new(0);
        Self { name, label, last_args_bytes, sums: Mutex::default() }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the book for attempts to be recorded.
    pub(super) fn page<'a>(&'a self, shared: &'a Shared) -> Page<'a> {
        Page { sums: self.sums(), task: &self.name, shared }
    }

    /// The key of a coroutine of which no end is recorded yet.
    pub(super) fn key_on_loop(&self, shared: &Shared) -> ProfileKey {
        ProfileKey {
            task: self.name.clone(),
            lane: Lane::Async,
            size_bucket: SizeBucket::of(self.last_args_bytes.load(Ordering::Relaxed)),
            interpreter: shared.interpreter.clone(),
        }
    }

    /// Adds what the thread lane did while attempts of this task ran in it.
    pub(super) fn occupied(&self, occupancy: &Occupancy) {
        let mut sums = self.sums();
        let of_threads = sums.profiles.iter_mut().find(|((lane, _), _)| *lane == Lane::Thread);
        if let Some((_, profile)) = of_threads {
            profile.occupancy.merge(occupancy);
        }
    }

    pub(super) fn take(&self) -> Vec<Profile> {
        let mut sums = self.sums();
        let Sums { profiles, seen } = &mut *sums;
        let mut profiles = std::mem::take(profiles);
        for ((_, size), profile) in
            profiles.iter_mut().filter(|((lane, _), _)| *lane == Lane::Thread)
        {
            if let Some(known) = seen.get_mut(size).and_then(SeenBlocked::take) {
                profile.gil = known;
            }
        }
        profiles.into_values().collect()
    }
}

/// Measures the attempts of one task.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct TaskMeter {
    book: Arc<TaskBook>,
    shared: Arc<Shared>,
    sender: Arc<Sender>,
}

impl TaskMeter {
    pub(super) fn new(book: Arc<TaskBook>, shared: Arc<Shared>, sender: Arc<Sender>) -> Self {
        Self { book, shared, sender }
    }

    fn begin(&self, lane: Lane, scope: Scope) -> CallMeter {
        let peers = self.shared.begin(&self.sender);
        let is_in_lane = lane == Lane::Thread && self.shared.birthplace.is_here();
        let seen = is_in_lane.then(|| {
            let seen = self.shared.threads().began(&self.book);
            self.shared.own_threads().mixed();
            seen
        });
        let book = (Arc::clone(&self.book), Arc::clone(&self.shared));
        CallMeter::begin(book, (lane, scope), peers, seen)
    }
}

#[pymethods]
impl TaskMeter {
    /// A coroutine attempt begins; gives its coroutine with a meter, which `RunnerChannel.done`
    /// takes, or nothing for some other awaitable. `in_line_ns` is how long it stood in line, if it
    /// has waited for something else since.
    #[pyo3(signature = (coroutine, key, args_bytes, in_line_ns=None))]
    fn attempt<'py>(
        slf: &Bound<'py, Self>,
        coroutine: Bound<'py, PyAny>,
        key: u64,
        args_bytes: u64,
        in_line_ns: Option<u64>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let own = slf.get();
        let handed = || Arrival::HandedAt(own.shared.handover.at());
        let arrival = in_line_ns.map_or_else(handed, Arrival::InLine);
        let task = slf.clone().into_any();
        let beginnings = Beginnings { label: own.book.label, key, args_bytes, arrival };
        let metered = metered_attempt(coroutine, task, beginnings)?;
        if metered.is_some() {
            own.book.last_args_bytes.store(args_bytes, Ordering::Relaxed);
            own.shared.begin(&own.sender);
        }
        Ok(metered)
    }

    /// An attempt begins in this thread of the thread lane.
    fn thread(&self, py: Python<'_>) -> CallMeter {
        let start = || Sampler::start(py, &self.shared);
        // The GIL is held throughout, so that no two threads come here at once.
        let sampler = self.shared.sampler.get_or_init(start);
        let meter = self.begin(Lane::Thread, Scope::Thread);
        // It looks once more before it sleeps: it sees this attempt, or is woken up for it.
        if let Some(sampler) = sampler {
            sampler.wake();
        }
        meter
    }

    /// An attempt begins that has this process for itself.
    fn process(&self) -> CallMeter {
        self.begin(Lane::Process, Scope::Process)
    }
}

/// Records attempts that have ended, with how they ended: those of one task, one after another,
/// under one lock.
pub(crate) fn record_ends(ends: &[MeasuredEnd<'_, '_>]) -> PyResult<()> {
    let Some(first) = ends.first().and_then(|end| end.meter.task()) else {
        return Ok(());
    };
    let shared = &first.cast::<TaskMeter>()?.get().shared;
    if !shared.birthplace.is_here() {
        return Ok(());
    }
    // One look at the clocks for all: what a look costs would be felt in a job that does nothing.
    let moment = Moment { at: now(), monotonic: monotonic_ns(), peers: shared.peers() };
    for ends in ends.chunk_by(|one, other| one.meter.is_of_the_task_of(other.meter)) {
        if let Some(task) = ends.first().and_then(|end| end.meter.task()) {
            task.cast::<TaskMeter>()?.get().ended(ends, moment);
        }
    }
    shared.end(ends.len());
    Ok(())
}

/// The end of an attempt that was a coroutine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredEnd<'a, 'py> {
    pub(crate) meter: &'a AttemptMeter<'py>,
    pub(crate) end: &'a End,
    /// How long its arguments and its result took to decode and to encode; zero for small ones.
    pub(crate) encode: Duration,
}

/// When attempts ended, and how many ran beside each of them.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Timestamp,
    /// The same on the wall's clock, in nanoseconds.
    monotonic: u64,
    peers: u32,
}

impl TaskMeter {
    fn ended(&self, ends: &[MeasuredEnd<'_, '_>], moment: Moment) {
        // Before the page is opened: the thread lane opens pages while it is locked.
        let has_neighbours = !self.shared.threads().is_empty();
        let mut page = self.book.page(&self.shared);
        for MeasuredEnd { meter, end, encode } in ends {
            let error = error_kind(end);
            let result = if let End::Returned(result) = end { result.0.len() } else { 0 };
            let (measured, ended_ago) = meter.measurement(moment.monotonic);
            let run = Measurement {
                encode: *encode,
                result_bytes: result as u64,
                peers: moment.peers,
                is_error: error.is_some(),
                ..measured
            };
            page.record(Lane::Async, &run, error, moment.at.minus(ended_ago));
        }
        let others = self.shared.own_threads().ended(self.book.label, has_neighbours);
        if let Some(others) = others {
            page.own_threads(others);
        }
    }
}

/// What kind of error an end is: a failure's kind, or else its code; or the reason of a stop.
fn error_kind(end: &End) -> Option<&str> {
    match end {
        End::Returned(_) => None,
        End::Raised { failure, .. } if failure.kind.is_empty() => Some(&failure.code),
        End::Raised { failure, .. } => Some(&failure.kind),
        End::Stopped(reason) => Some(reason.as_str()),
    }
}
