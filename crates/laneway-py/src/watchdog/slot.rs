//! Where an event loop's thread publishes the step that it is in.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::meter::{Label, StepTime, monotonic_ns};
use crate::process::Birthplace;
use crate::watchdog::blame::time_so_far;
use crate::watchdog::thread::OsThread;

/// Long steps that have ended and that the watchdog has not looked at yet; what is more is lost.
const ENDED_MAX: usize = 256;

/// The step of one thread; written by that thread only, and read by the watchdog's.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(super) thread: OsThread,
    birthplace: Birthplace,
    /// Zero between two steps. No two steps of a thread begin in the same nanosecond, so it also
    /// tells them apart.
    started_at: AtomicU64,
    label: AtomicU64,
    key: AtomicU64,
    cpu: AtomicU64,
    run_delay: AtomicU64,
    /// From how many nanoseconds on a step is long; none is while nobody watches.
    threshold: AtomicU64,
    ended: Mutex<Vec<EndedStep>>,
    totals: Totals,
}

/// All steps of the thread that have ended.
#[derive(Debug, Default)]
struct Totals {
    count: AtomicU64,
    wall: AtomicU64,
    cpu: AtomicU64,
    run_delay: AtomicU64,
    longest: AtomicU64,
}

/// What a thread did so far, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ThreadReading {
    pub(crate) at: u64,
    /// Steps, the one that runs included, here and in all that follows.
    pub(crate) steps_count: u64,
    pub(crate) steps: u64,
    pub(crate) steps_cpu: u64,
    /// Their run-queue delay.
    pub(crate) steps_run_delay: u64,
    pub(crate) steps_longest: u64,
    /// CPU time and run-queue delay of the thread, if the system tells them.
    pub(crate) schedule: Option<(u64, u64)>,
}

impl ThreadReading {
    /// The reading after an earlier one: sums do not fall. They would by a hair when a step ends,
    /// since from outside its time is told less exactly.
    pub(crate) fn after(self, earlier: &Self) -> Self {
        Self {
            steps_count: self.steps_count.max(earlier.steps_count),
            steps: self.steps.max(earlier.steps),
            steps_cpu: self.steps_cpu.max(earlier.steps_cpu),
            steps_run_delay: self.steps_run_delay.max(earlier.steps_run_delay),
            ..self
        }
    }
}

/// What the clocks of a thread say when a step begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beginning {
    pub(crate) at: u64,
    pub(crate) cpu: u64,
    pub(crate) run_delay: u64,
}

/// Whose step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) label: Label,
    pub(crate) key: u64,
}

/// A step that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunningStep {
    pub(super) owner: Owner,
    pub(super) began: Beginning,
}

/// A long step that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedStep {
    pub(super) owner: Owner,
    pub(super) started_at: u64,
    pub(super) time: StepTime,
}

impl Slot {
    /// A slot for the present thread.
    pub(crate) fn of_this_thread(py: Python<'_>) -> Self {
        Self {
            thread: OsThread::present(py),
            birthplace: Birthplace::here(),
            started_at: AtomicU64::new(0),
            label: AtomicU64::new(0),
            key: AtomicU64::new(0),
            cpu: AtomicU64::new(0),
            run_delay: AtomicU64::new(0),
            threshold: AtomicU64::new(u64::MAX),
            ended: Mutex::new(Vec::new()),
            totals: Totals::default(),
        }
    }

    /// Whether it is of this process; after a fork the thread has another number.
    pub(crate) fn is_here(&self) -> bool {
        self.birthplace.is_here()
    }

    /// A step begins, maybe within another one; gives whose that is.
    #[inline]
    pub(crate) fn begin(&self, began: Beginning, owner: Owner, is_nested: bool) -> Owner {
        let around = self.owner();
        self.set_owner(owner);
        if !is_nested {
            self.cpu.store(began.cpu, Relaxed);
            self.run_delay.store(began.run_delay, Relaxed);
            self.started_at.store(began.at, Release);
        }
        around
    }

    /// A step ends; `around` is what its `begin` gave.
    #[inline]
    pub(crate) fn end(&self, around: Owner, is_nested: bool, time: StepTime) {
        if is_nested {
            self.set_owner(around);
            return;
        }
        self.totals.add(time);
        if time.wall >= self.threshold.load(Relaxed) {
            self.keep_ended(time);
        }
        self.started_at.store(0, Release);
    }

    /// What the thread did so far.
    pub(crate) fn reading(&self) -> ThreadReading {
        let Totals { count, wall, cpu, run_delay, longest } = &self.totals;
        let at = monotonic_ns();
        let schedule = self.thread.schedule();
        let step = self.running();
        let running =
            step.map_or_else(StepTime::default, |step| time_so_far(step.began, at, schedule));
        ThreadReading {
            at,
            steps_count: count.load(Relaxed) + u64::from(step.is_some()),
            steps: wall.load(Relaxed) + running.wall,
            steps_cpu: cpu.load(Relaxed) + running.cpu,
            steps_run_delay: run_delay.load(Relaxed) + running.run_delay,
            steps_longest: longest.load(Relaxed).max(running.wall),
            schedule: schedule.map(|seen| (seen.cpu, seen.run_delay)),
        }
    }

    /// The step that runs, and what it took so far.
    pub(crate) fn unfinished(&self) -> Option<(Owner, StepTime)> {
        let step = self.running()?;
        let time = time_so_far(step.began, monotonic_ns(), self.thread.schedule());
        Some((step.owner, time))
    }

    #[cold]
    fn keep_ended(&self, time: StepTime) {
        if !self.is_here() {
            // Nobody watches in a forked child, and the lock may be held by who did in its parent.
            return;
        }
        let started_at = self.started_at.load(Relaxed);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() < ENDED_MAX {
            ended.push(EndedStep { owner: self.owner(), started_at, time });
        }
    }

    fn owner(&self) -> Owner {
        Owner { label: Label::numbered(self.label.load(Relaxed)), key: self.key.load(Relaxed) }
    }

    fn set_owner(&self, owner: Owner) {
        self.label.store(owner.label.number(), Relaxed);
        self.key.store(owner.key, Relaxed);
    }

    /// Says from when on a step is long.
    pub(super) fn watch(&self, threshold_ns: u64) {
        self.threshold.store(threshold_ns, Relaxed);
    }

    /// The step that runs, if one does.
    pub(super) fn running(&self) -> Option<RunningStep> {
        // What was read belongs to one step if the same one runs before and after. A step that
        // begins meanwhile makes this look again; that can hardly happen twice.
        for _ in 0..4 {
            let at = self.started_at.load(Acquire);
            if at == 0 {
                return None;
            }
            let owner = self.owner();
            let cpu = self.cpu.load(Relaxed);
            let run_delay = self.run_delay.load(Relaxed);
            std::sync::atomic::fence(Acquire);
            if self.is_in(at) {
                return Some(RunningStep { owner, began: Beginning { at, cpu, run_delay } });
            }
        }
        None
    }

    /// Whether the step that began then still runs.
    pub(super) fn is_in(&self, started_at: u64) -> bool {
        self.started_at.load(Acquire) == started_at
    }

    /// Whether the step that began then has ended and was not taken yet.
    pub(super) fn has_ended(&self, started_at: u64) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.iter().any(|step| step.started_at == started_at)
    }

    /// Takes the long steps that have ended and of which `is_wanted`.
    pub(super) fn take_ended(&self, is_wanted: impl Fn(&EndedStep) -> bool) -> Vec<EndedStep> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (wanted, left) = ended.drain(..).partition(is_wanted);
        *ended = left;
        wanted
    }
}

impl Totals {
    /// Adds a step; only the thread itself does.
    #[inline]
    fn add(&self, time: StepTime) {
        let add = |sum: &AtomicU64, more| sum.store(sum.load(Relaxed) + more, Relaxed);
        add(&self.count, 1);
        add(&self.wall, time.wall);
        add(&self.cpu, time.cpu);
        add(&self.run_delay, time.run_delay);
        if time.wall > self.longest.load(Relaxed) {
            self.longest.store(time.wall, Relaxed);
        }
    }
}
