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
use crate::meter::{Account, Label, Sink, StepTime, Sums, Tally, monotonic_ns};
use crate::process::Birthplace;

/// The list of runs is swept when it has grown to this.
const SWEEP_MIN: usize = 64;

/// So many runs that have ended wait at most to be recorded.
const ENDED_MAX: usize = 1_024;

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
    pub(super) label: Label,
    is_endpoint: bool,
    facts: Arc<Facts>,
    profile: Mutex<Profile>,
    runs: Mutex<Runs>,
}

/// The runs that have not ended, and those that have and are not recorded yet.
///
/// To record one takes a good part of a microsecond when all of it must be fetched from memory, as
/// after a request that did something else. So the writer's thread records them, many at once.
#[derive(Debug, Default)]
struct Runs {
    /// A place is used again as soon as its run has ended, and its memory with it.
    tallies: Vec<Option<Weak<Tally>>>,
    free: Vec<usize>,
    sweep_at: usize,
    ended: Vec<Ended>,
}

/// What the task does at this moment.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// Steps that have not ended, so that no run was billed for them yet.
    pub(super) steps: Vec<StepTime>,
    /// Where those of them that are long are.
    pub(super) sites: Vec<Site>,
}

/// A run that has ended.
#[derive(Debug)]
struct Ended {
    sums: Sums,
    error: Option<String>,
}

impl Runs {
    fn add(&mut self, tally: Weak<Tally>) -> usize {
        if self.free.is_empty() && self.tallies.len() >= self.sweep_at {
            self.sweep();
        }
        let place = self.free.pop().unwrap_or(self.tallies.len());
        match self.tallies.get_mut(place) {
            Some(free) => *free = Some(tally),
            None => self.tallies.push(Some(tally)),
        }
        place
    }

    fn remove(&mut self, place: usize) {
        if self.tallies.get_mut(place).and_then(Option::take).is_some() {
            self.free.push(place);
        }
    }

    /// Removes runs that will not end: their coroutines were dropped.
    fn sweep(&mut self) {
        let is_gone =
            |run: &Option<Weak<Tally>>| run.as_ref().is_some_and(|tally| tally.strong_count() == 0);
        for (place, run) in self.tallies.iter_mut().enumerate().filter(|(_, run)| is_gone(run)) {
            *run = None;
            self.free.push(place);
        }
        self.sweep_at = ((self.tallies.len() - self.free.len()) * 2).max(SWEEP_MIN);
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
        Self { name, label, is_endpoint, facts, profile, runs: Mutex::default() }
    }

    /// A run begins.
    pub(super) fn begin(this: &Arc<Self>) -> Account {
        let sink: Arc<dyn Sink> = Arc::<Self>::clone(this);
        let (account, tally) = Account::watched(this.label, this.is_endpoint.into(), sink);
        if this.facts.birthplace.is_here() {
            account.keep_at(locked(&this.runs).add(tally));
        }
        account
    }

    /// Notes a place that blocked.
    pub(super) fn blame(&self, site: &Site) {
        locked(&self.profile).sites.record(site);
    }

    /// Adds all runs, those that have not ended with what they did so far, to those of `name`.
    pub(super) fn add_to(
        &self,
        tasks: &mut BTreeMap<TaskName, TaskPart>,
        name: TaskName,
        mut present: Present,
    ) {
        let (ended, unfinished, at_once): (Vec<Ended>, Vec<Arc<Tally>>, u64) = {
            let mut runs = locked(&self.runs);
            let unfinished = runs.tallies.iter().flatten().filter_map(Weak::upgrade).collect();
            // A place is used again, so that there are as many as were ever needed at once.
            (std::mem::take(&mut runs.ended), unfinished, runs.tallies.len() as u64)
        };
        let mut profile = {
            let mut profile = locked(&self.profile);
            self.record(&mut profile, ended);
            profile.clone()
        };
        let mut count = 0;
        for site in &present.sites {
            profile.sites.record(site);
        }
        let mut unfinished: Vec<Sums> =
            unfinished.iter().map(|tally| tally.present_sums()).collect();
        // Which of the runs a step is of is not told, and does not matter to the sums of all; one
        // that is shorter than the step it cannot be.
        unfinished.sort_by_key(|sums| std::cmp::Reverse(sums.wall()));
        present.steps.sort_by_key(|step| step.wall);
        for sums in unfinished.into_iter().filter(|sums| !sums.is_empty()) {
            let step = present.steps.pop().unwrap_or_default();
            let run = sums.with_unfinished(step).measurement();
            profile.record(&self.completed(run, false), now());
            count += 1;
        }
        if profile.runs() == 0 {
            return;
        }
        profile.key.task = name.clone();
        match tasks.entry(name) {
            Entry::Occupied(mut known) => {
                known.get_mut().profile.merge(&profile);
                known.get_mut().unfinished += count;
                known.get_mut().at_once += at_once;
            }
            Entry::Vacant(place) => {
                let (is_endpoint, unfinished) = (self.is_endpoint, count);
                place.insert(TaskPart { is_endpoint, unfinished, at_once, profile });
            }
        }
    }

    /// Records the runs that have ended; needs no GIL.
    pub(super) fn record_ended(&self) {
        let ended = std::mem::take(&mut locked(&self.runs).ended);
        if !ended.is_empty() {
            self.record(&mut locked(&self.profile), ended);
        }
    }

    fn record(&self, profile: &mut Profile, ended: Vec<Ended>) {
        let at = now();
        for Ended { sums, error } in ended {
            let ended_at = at.minus(sums.ended_ago(monotonic_ns()));
            profile.record(&self.completed(sums.measurement(), error.is_some()), ended_at);
            if let Some(kind) = error {
                profile.errors.record(&kind);
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
        if !self.facts.birthplace.is_here() {
            return;
        }
        let mut runs = locked(&self.runs);
        if let Some(place) = tally.take_place() {
            runs.remove(place);
        }
        let sums = tally.last_sums();
        if sums.is_empty() {
            return;
        }
        let waiting = runs.ended.len();
        runs.ended.push(Ended { sums, error: error.map(str::to_owned) });
        drop(runs);
        if waiting == 0 {
            self.facts.count_threads();
        } else if waiting >= ENDED_MAX {
            self.record_ended();
        }
    }
}
