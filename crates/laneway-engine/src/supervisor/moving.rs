//! Attempts of tasks with `lane="auto"`: each goes where the task belongs by what was measured.
//!
//! Their jobs wait in the store for the process lane, the lane in which any of them is safe. An
//! attempt that goes to a thread frees the process slot it was claimed for and takes a slot of the
//! thread lane; when there is none, it stays in the process lane.

use laneway_core::clock::Timestamp;
use laneway_core::job::{Failure, Lane};
use laneway_core::profile::{Profile, SizeBucket};
use laneway_core::store::{Outcome, Timing};
use laneway_core::verdict::Calibration;
use laneway_core::verdict::auto::LaneMove;

use super::Supervisor;
use crate::attempts::Attempt;
use crate::auto_lanes::Ended;
use crate::clock::Moment;
use crate::lanes::LaneMap;
use crate::observer::Happening;

/// What a claimed job says about the next ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// Its like goes to threads.
    Thread,
    /// Its like goes to processes.
    Process,
    /// Nothing: it tries another lane than its like, or found no thread free.
    Elsewhere,
}

impl Supervisor {
    /// Chooses the lane of an attempt that was just claimed.
    ///
    /// A job that was interrupted stays in a process of its own: in the main runner another
    /// interruption would take innocent jobs along.
    pub(super) fn choose_lane(&mut self, attempt: &mut Attempt, args_bytes: usize) -> Placed {
        let size = SizeBucket::of(u64::try_from(args_bytes).unwrap_or(u64::MAX));
        attempt.auto = Some(size);
        if attempt.interrupts > 0 {
            return Placed::Process;
        }
        let has_room = attempt.slot == Lane::Thread
            || self.attempts.held(Lane::Thread) < self.options.concurrency.threads;
        // Asked in any case: the share of runs that try a lane is one of those that were claimed.
        let (lane, home) = self.auto.pick(&attempt.task, size, self.rng.f64());
        if lane == Lane::Thread && has_room {
            attempt.lane = Lane::Thread;
            attempt.slot = Lane::Thread;
        }
        match home {
            Lane::Thread if attempt.lane == Lane::Thread => Placed::Thread,
            Lane::Process if attempt.lane == Lane::Process => Placed::Process,
            Lane::Thread | Lane::Process | Lane::Async => Placed::Elsewhere,
        }
    }

    /// Takes note of what became of claimed jobs of the process lane.
    pub(super) fn note_claimed(&mut self, placed: &[Placed]) {
        let count = |kind| placed.iter().filter(|placed| **placed == kind).count();
        self.auto.claimed(count(Placed::Thread), count(Placed::Process));
    }

    /// Lets a claim reach beyond the free processes for jobs that will run in threads, and leaves
    /// at least half of the free threads to the jobs of the thread lane, while there are any.
    pub(super) fn reach_for_moved(&self, free: &mut LaneMap<usize>) {
        let share = if self.claims.is_dry(Lane::Thread) { free.thread } else { free.thread / 2 };
        let reach = self.auto.reach().min(share);
        free.thread -= reach;
        free.process += reach;
    }

    /// Whether a claim reached for a job that no process has room for after all.
    pub(super) fn is_surplus(&self, attempt: &Attempt) -> bool {
        attempt.slot == Lane::Process
            && self.auto.reach() > 0
            && self.attempts.held(Lane::Process) >= self.capacity().process
    }

    /// Takes note of an attempt's end.
    pub(super) fn note_end(
        &mut self,
        attempt: &Attempt,
        outcome: &Outcome,
        timing: Option<Timing>,
        now: Moment,
    ) {
        let (Some(size), Some(timing)) = (attempt.auto, timing) else {
            return;
        };
        let error = match outcome {
            Outcome::Succeed(_) => None,
            Outcome::Retry { failure, .. } | Outcome::Fail(failure) => Some(kind_of(failure)),
            // Somebody else ended it, which says nothing of its lane; also an interruption, since a
            // crash of the main runner interrupts all of its attempts. The job stays in processes.
            Outcome::Interrupt(_)
            | Outcome::Cancel(_)
            | Outcome::Release
            | Outcome::HandBack { .. }
            | Outcome::Park(_) => {
                return;
            }
        };
        let wait = attempt.started_at().map(|at| attempt.ready_for + at.since(attempt.claimed_at));
        if let Some(wait) = wait {
            self.auto.waited(&attempt.task, size, attempt.lane, wait);
        }
        let ended = Ended { lane: attempt.lane, wall: timing.wall, error };
        let (costs, at) = (self.lane_costs(), self.store_time(now));
        let event = self.auto.ended((&attempt.task, size), ended, &costs, at);
        self.tell_moved(event);
    }

    /// Looks at what runners measured of tasks that may move.
    pub(super) fn consider_moves(&mut self, profiles: &[Profile], now: Moment) {
        let (costs, at) = (self.lane_costs(), self.store_time(now));
        for profile in profiles {
            let known = self.table.get(&profile.key.task);
            if known.is_some_and(|task| task.is_movable) {
                let event = self.auto.measured(profile, &costs, at);
                self.tell_moved(event);
            }
        }
    }

    fn tell_moved(&mut self, event: Option<LaneMove>) {
        if let Some(event) = event {
            self.measurements.moved(&event);
            self.happenings.push(Happening::LaneMoved(event));
        }
    }

    /// What lanes cost here; what was not measured has its usual value.
    fn lane_costs(&self) -> Calibration {
        let concurrency = self.options.concurrency;
        self.costs.calibration(concurrency).unwrap_or_else(|| Calibration {
            cores: u32::try_from(concurrency.processes.max(1)).unwrap_or(u32::MAX),
            threads_max: u32::try_from(concurrency.threads).unwrap_or(u32::MAX),
            ..Calibration::default()
        })
    }

    /// The store's time, by its last answer to a claim.
    fn store_time(&self, now: Moment) -> Timestamp {
        let (store, then) = self.store_clock;
        store.plus(now.since(then))
    }
}

/// The type of an exception, or the code of what Laneway itself found.
fn kind_of(failure: &Failure) -> &str {
    if failure.kind.is_empty() { &failure.code } else { &failure.kind }
}
