//! The runs of one task.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use laneway::profiling::TaskPart;
use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{Interpreter, Measurement, Profile, ProfileKey, Site, SizeBucket};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::locked;
use crate::clock::now;
use crate::meter::{Account, Label, Sink, Tally};
use crate::process::Birthplace;

/// The list of runs is swept when it has grown to this.
const SWEEP_MIN: usize = 64;

/// What all tasks of a process share.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) birthplace: Birthplace,
    pub(super) interpreter: Interpreter,
    /// Python's threads.
    pub(super) threads: Py<PyDict>,
    /// Whether there was but one of them when somebody who has the GIL last looked.
    pub(super) is_alone: AtomicBool,
}

impl Facts {
    /// Looks whether there is a thread that could hold the GIL while a step waits; the GIL is held.
    fn count_threads(&self) {
        let is_alone = Python::attach(|py| self.threads.bind(py).len() <= 1);
        self.is_alone.store(is_alone, Relaxed);
    }
}

/// What the runs of one task measured.
#[derive(Debug)]
pub(super) struct TaskLog {
    pub(super) name: TaskName,
    label: Label,
    is_endpoint: bool,
    facts: Arc<Facts>,
    profile: Mutex<Profile>,
    running: Mutex<Running>,
}

/// The runs that have not ended, and some that have.
#[derive(Debug, Default)]
struct Running {
    tallies: Vec<Weak<Tally>>,
    sweep_at: usize,
}

impl Running {
    fn sweep(&mut self) {
        self.tallies.retain(|run| run.upgrade().is_some_and(|tally| !tally.has_ended()));
        self.sweep_at = (self.tallies.len() * 2).max(SWEEP_MIN);
    }
}

impl TaskLog {
    pub(super) fn new(label: Label, name: TaskName, is_endpoint: bool, facts: Arc<Facts>) -> Self {
        let key = ProfileKey {
            task: name.clone(),
            lane: Lane::Async,
            size_bucket: SizeBucket::of(0),
            interpreter: facts.interpreter.clone(),
        };
        let profile = Mutex::new(Profile::new(key));
        Self { name, label, is_endpoint, facts, profile, running: Mutex::default() }
    }

    /// A run begins.
    pub(super) fn begin(this: &Arc<Self>) -> Account {
        let sink: Arc<dyn Sink> = Arc::<Self>::clone(this);
        let (account, tally) = Account::watched(this.label, this.is_endpoint.into(), sink);
        if this.facts.birthplace.is_here() {
            let mut running = locked(&this.running);
            if running.tallies.len() >= running.sweep_at {
                running.sweep();
            }
            running.tallies.push(tally);
        }
        account
    }

    /// Notes a place that blocked.
    pub(super) fn blame(&self, site: &Site) {
        locked(&self.profile).sites.record(site);
    }

    /// Adds all runs, those that have not ended with what they did so far, to those of `name`.
    pub(super) fn add_to(&self, tasks: &mut BTreeMap<TaskName, TaskPart>, name: TaskName) {
        let mut profile = locked(&self.profile).clone();
        let unfinished: Vec<Arc<Tally>> = {
            let mut running = locked(&self.running);
            running.sweep();
            running.tallies.iter().filter_map(Weak::upgrade).collect()
        };
        let mut count = 0;
        for tally in unfinished {
            let run = tally.measurement();
            if !run.wall.is_zero() {
                profile.record(&self.completed(run, false), now());
                count += 1;
            }
        }
        if profile.runs() == 0 {
            return;
        }
        profile.key.task = name.clone();
        match tasks.entry(name) {
            Entry::Occupied(mut known) => {
                known.get_mut().profile.merge(&profile);
                known.get_mut().unfinished += count;
            }
            Entry::Vacant(place) => {
                let (is_endpoint, unfinished) = (self.is_endpoint, count);
                place.insert(TaskPart { is_endpoint, unfinished, profile });
            }
        }
    }

    /// A measurement with what only its surroundings tell. Of no run is it known that none ran
    /// beside it.
    fn completed(&self, run: Measurement, is_error: bool) -> Measurement {
        let gil_wait = self.facts.is_alone.load(Relaxed).then_some(Duration::ZERO);
        Measurement { gil_wait, is_error, peers: 1, ..run }
    }
}

impl Sink for TaskLog {
    fn ended(&self, tally: &Tally, error: Option<&str>) {
        let run = tally.measurement();
        if run.wall.is_zero() || !self.facts.birthplace.is_here() {
            return;
        }
        self.facts.count_threads();
        let run = self.completed(run, error.is_some());
        let mut profile = locked(&self.profile);
        profile.record(&run, now());
        if let Some(kind) = error {
            profile.errors.record(kind);
        }
    }
}
