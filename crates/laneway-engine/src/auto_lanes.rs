//! The tasks with `lane="auto"`: what this worker saw of them, and where their attempts go.
//!
//! One [`AutoLane`] for each task and size of arguments decides; here it gets its runs, the advice
//! on what was measured since the worker began, and a number of wanted runs that does not change
//! while a lane is on trial.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{Histogram, Profile, SizeBucket};
use laneway_core::verdict::auto::{AutoLane, LaneMove, Run, run_cost};
use laneway_core::verdict::{Calibration, Form, Question, TaskFacts, advise};

use crate::lanes::LaneMap;

/// So many tasks and sizes are kept; the attempts of others stay in the process lane.
const ENTRIES_MAX: usize = 512;

/// A task measured by so many lanes and builds of Python; what others measure is left out.
const PROFILES_MAX: usize = 4;

/// After so many runs in a lane its measurements begin anew, so that a change of the task shows.
const RUNS_KEPT: u64 = 2_000;

/// What is known of one task with arguments of one size.
#[derive(Debug)]
struct Entry {
    auto: AutoLane,
    profiles: Vec<Profile>,
    waits: LaneMap<Histogram>,
    /// How many runs are wanted at once.
    wanted: u32,
}

/// An attempt's end, as far as its lane is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) lane: Lane,
    pub(crate) wall: Duration,
    pub(crate) error: Option<&'a str>,
}

/// All that move, and how far claims reach for them.
#[derive(Debug, Default)]
pub(crate) struct AutoLanes {
    entries: BTreeMap<(TaskName, SizeBucket), Entry>,
    reach: usize,
}

impl AutoLanes {
    /// Where the next attempt goes, and where its task is at home; they differ for one that tries
    /// another lane.
    pub(crate) fn pick(&mut self, task: &TaskName, size: SizeBucket, random: f64) -> (Lane, Lane) {
        self.entry(task, size).map_or((Lane::Process, Lane::Process), |entry| {
            (entry.auto.pick(random), entry.auto.lane())
        })
    }

    fn entry(&mut self, task: &TaskName, size: SizeBucket) -> Option<&mut Entry> {
        let key = (task.clone(), size);
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&key) {
            return None;
        }
        Some(self.entries.entry(key).or_insert_with(|| Entry {
            auto: AutoLane::new(task.clone(), size, Lane::Process),
            profiles: Vec::new(),
            waits: LaneMap::default(),
            wanted: 1,
        }))
    }

    /// Takes note of how long an attempt waited for its start.
    pub(crate) fn waited(&mut self, task: &TaskName, size: SizeBucket, lane: Lane, wait: Duration) {
        if let Some(entry) = self.entry(task, size) {
            entry.waits.get_mut(lane).record(wait);
        }
    }

    /// Takes note of the end of an attempt.
    pub(crate) fn ended(
        &mut self,
        (task, size): (&TaskName, SizeBucket),
        ended: Ended<'_>,
        costs: &Calibration,
        now: Timestamp,
    ) -> Option<LaneMove> {
        let entry = self.entry(task, size)?;
        let cost = run_cost(ended.wall, width(ended.lane, costs), entry.wanted);
        entry.auto.observe(Run { lane: ended.lane, cost, error: ended.error }, now)
    }

    /// Adds what a runner measured of a task that moves, and looks whether the advice on all of it
    /// is another lane.
    pub(crate) fn measured(
        &mut self,
        profile: &Profile,
        costs: &Calibration,
        now: Timestamp,
    ) -> Option<LaneMove> {
        let (task, size) = (&profile.key.task, profile.key.size_bucket);
        let entry = self.entry(task, size)?;
        entry.add(profile);
        if !entry.auto.is_settled() {
            return None;
        }
        for profile in &mut entry.profiles {
            profile.wait = entry.waits.get(profile.key.lane).clone();
        }
        let facts = TaskFacts::new(Form::Def, entry.auto.lane());
        let advice = advise(&Question {
            task,
            profiles: &entry.profiles,
            calibration: costs,
            facts: &facts,
            lag: None,
        });
        entry.want(advice.evidence.concurrency, costs);
        let gain_low = advice.prediction?.gain.low;
        entry.auto.propose(advice.better_lane?, gain_low, now)
    }

    /// How many jobs beyond the free processes a claim may ask for, since they will run in threads.
    pub(crate) const fn reach(&self) -> usize {
        self.reach
    }

    /// Takes note of what became of the jobs that were claimed for the process lane. Only when all
    /// of them go to threads it is worth while to ask for more than processes can take; then twice
    /// as many each time.
    pub(crate) const fn claimed(&mut self, to_threads: usize, to_processes: usize) {
        if to_processes > 0 {
            self.reach = 0;
        } else if to_threads > 0 {
            let doubled = self.reach.saturating_mul(2);
            self.reach = if doubled > to_threads { doubled } else { to_threads };
        }
    }
}

impl Entry {
    fn add(&mut self, profile: &Profile) {
        if let Some(known) = self.profiles.iter_mut().find(|known| known.key == profile.key) {
            if known.runs() < RUNS_KEPT {
                known.merge(profile);
            } else {
                *known = profile.clone();
                *self.waits.get_mut(profile.key.lane) = Histogram::default();
            }
        } else if self.profiles.len() < PROFILES_MAX {
            self.profiles.push(profile.clone());
        }
    }

    /// Reckons with another number of wanted runs, in the costs of runs that have ended, too.
    fn want(&mut self, wanted: f64, costs: &Calibration) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of runs at once, at least one; casting saturates"
        )]
        let wanted = wanted.round().max(1.0) as u32;
        let here = self.auto.lane();
        let there = if here == Lane::Process { Lane::Thread } else { Lane::Process };
        let [here, there] = [here, there].map(|lane| {
            let at_once = |wanted: u32| f64::from(width(lane, costs).min(wanted).max(1));
            at_once(self.wanted) / at_once(wanted)
        });
        self.auto.rescale(here, there);
        self.wanted = wanted;
    }
}

/// How many attempts a lane can run at once.
fn width(lane: Lane, costs: &Calibration) -> u32 {
    match lane {
        Lane::Process => costs.cores,
        Lane::Async | Lane::Thread => costs.threads_max,
    }
}

#[cfg(test)]
mod tests {
    use laneway_core::profile::{Interpreter, Measurement, ProfileKey};

    use super::*;

    #[test]
    fn claims_reach_further_only_while_all_claimed_jobs_go_to_threads() {
        let mut auto = AutoLanes::default();
        let mut reach = |to_threads, to_processes| {
            auto.claimed(to_threads, to_processes);
            auto.reach()
        };
        assert_eq!([reach(2, 0), reach(4, 0), reach(8, 0), reach(0, 0)], [2, 4, 8, 8]);
        assert_eq!([reach(7, 1), reach(1, 0)], [0, 1]);
    }

    #[test]
    fn measurements_begin_anew_after_many_runs() {
        let key = ProfileKey {
            task: TaskName::new("a").unwrap(),
            lane: Lane::Process,
            size_bucket: SizeBucket::of(1),
            interpreter: Interpreter::new("cpython-313"),
        };
        let mut profile = Profile::new(key.clone());
        for _ in 0..900 {
            profile.record(&Measurement::default(), Timestamp::default());
        }
        let (mut auto, costs) = (AutoLanes::default(), Calibration::default());
        let runs = [900, 1_800, 2_700, 900].map(|expected| {
            assert_eq!(auto.measured(&profile, &costs, Timestamp::default()), None);
            let entry = auto.entry(&key.task, key.size_bucket).unwrap();
            assert_eq!(entry.profiles[0].runs(), expected);
            entry.profiles.len()
        });
        assert_eq!(runs, [1; 4]);
    }

    #[test]
    fn with_too_many_tasks_the_rest_stays_in_processes() {
        let mut auto = AutoLanes::default();
        let (task, size) = (TaskName::new("a").unwrap(), SizeBucket::of(1));
        for index in 0..ENTRIES_MAX + 5 {
            let task = TaskName::new(format!("task{index}")).unwrap();
            assert_eq!(auto.pick(&task, size, 0.5).0, Lane::Process);
        }
        let costs = Calibration::default();
        let ended = Ended { lane: Lane::Process, wall: Duration::ZERO, error: None };
        assert_eq!(auto.ended((&task, size), ended, &costs, Timestamp::default()), None);
        assert_eq!(auto.entries.len(), ENTRIES_MAX);
    }
}
