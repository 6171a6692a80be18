//! The auto lane: a plain function that asked for it moves between threads and processes.
//!
//! One machine of states for each task and size of arguments; it reads no clock and rolls no dice.
//!
//! ```text
//!   settled ── propose ──► canary ── enough runs without harm ──► trial ── not worse ──► settled
//!      ▲                     │ harm                                 │ worse, or a new error
//!      └─────── locked ◄─────┴──────────────── undo ◄───────────────┘
//! ```
//!
//! A proposal comes from [`advise`](super::advise), whose gain cleared the dead band. One run of
//! twenty tries the other lane first. A move is judged after twenty runs; if it made things
//! worse it is undone, and the lane is locked. When both lanes are known from runs, what was
//! measured decides, and the proposal's model does not: so a model that is wrong at a tie cannot
//! make a task flap.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::estimate::student;
use super::thresholds::{
    CANARIES_MIN, CANARY_SHARE, DWELL, FORGETTING, GAIN_MIN, LOSS_MAX, RUNS_MIN, TRIAL_RUNS,
};
use crate::clock::Timestamp;
use crate::job::{Lane, TaskName};
pub use crate::profile::{Harm, MoveKind};
use crate::profile::{Move, SizeBucket, nanos};

mod ledger;

use ledger::Ledger;

/// The end of a run that the auto lane sent somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// Where it ran.
    pub lane: Lane,
    /// What it cost: see [`run_cost`].
    pub cost: Duration,
    /// The type of its exception, if it raised one.
    pub error: Option<&'a str>,
}

/// What a run cost its lane: its wall time, divided by how many could run beside it. Wall times
/// themselves do not compare: forty threads under one GIL make each run forty times longer and
/// lose nothing.
pub fn run_cost(wall: Duration, lane_width: u32, wanted: u32) -> Duration {
    wall / lane_width.min(wanted).max(1)
}

/// An event in the life of an auto lane, to be kept and shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneMove {
    /// Of which task.
    pub task: TaskName,
    /// For arguments of which size.
    pub size_bucket: SizeBucket,
    /// When.
    pub at: Timestamp,
    /// The lane that the task comes from.
    pub from: Lane,
    /// The lane that it goes to, or that was tried.
    pub to: Lane,
    /// What happened.
    pub kind: MoveKind,
    /// Runs seen so far, in both lanes.
    pub runs: u64,
}

impl LaneMove {
    /// Whether the task runs elsewhere since.
    pub const fn is_move(&self) -> bool {
        matches!(self.kind, MoveKind::Moved | MoveKind::Undone { .. })
    }

    /// The event as the profile of its task keeps it.
    pub fn record(&self) -> Move {
        let Self { at, from, to, runs, .. } = *self;
        Move { at, from, to, kind: self.kind.clone(), runs }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Settled,
    Canary { done: u64 },
    Trial { done: u64, baseline: f64 },
    Locked,
}

/// The lane of one task, for arguments of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoLane {
    task: TaskName,
    size_bucket: SizeBucket,
    lane: Lane,
    phase: Phase,
    here: Ledger,
    there: Ledger,
    moved_at: Option<Timestamp>,
    runs: u64,
    /// Runs left in the present block of twenty, and which of them is the canary.
    block_left: u32,
    canary_at: u32,
}

impl AutoLane {
    /// Starts in a lane; anything but the process lane counts as the thread lane, since a plain
    /// function has no other.
    pub fn new(task: TaskName, size_bucket: SizeBucket, lane: Lane) -> Self {
        Self {
            task,
            size_bucket,
            lane: if lane == Lane::Process { Lane::Process } else { Lane::Thread },
            phase: Phase::Settled,
            here: Ledger::default(),
            there: Ledger::default(),
            moved_at: None,
            runs: 0,
            block_left: 0,
            canary_at: 0,
        }
    }

    /// Where runs go at present, but for canaries.
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// Whether it will not move again for the life of this worker.
    pub const fn is_locked(&self) -> bool {
        matches!(self.phase, Phase::Locked)
    }

    /// Whether nothing is being tried, so that a proposal would be looked at.
    pub const fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Settled)
    }

    /// Takes note that costs were reckoned with another number of wanted runs: those of the
    /// present lane become `here` times what they were, those of the other one `there` times. Only
    /// a settled lane may be reckoned anew, since a trial compares with what was before it.
    pub fn rescale(&mut self, here: f64, there: f64) {
        if self.is_settled() {
            self.here.scale(here);
            self.there.scale(there);
        }
    }

    const fn other(&self) -> Lane {
        match self.lane {
            Lane::Thread => Lane::Process,
            Lane::Async | Lane::Process => Lane::Thread,
        }
    }

    /// Where the next run goes. `random` is uniform in `[0, 1)`: each block of twenty runs has its
    /// canary at a random place, so that canaries come neither in step with the work nor rarely.
    pub fn pick(&mut self, random: f64) -> Lane {
        if !matches!(self.phase, Phase::Canary { .. }) {
            return self.lane;
        }
        if self.block_left == 0 {
            self.block_left = block_runs();
            self.canary_at = place_in_block(random);
        }
        self.block_left -= 1;
        if self.block_left == self.canary_at { self.other() } else { self.lane }
    }

    /// Takes the advice to move to `to`, whose gain is at least `gain_low`, and starts to try it if
    /// nothing speaks against it.
    pub fn propose(&mut self, to: Lane, gain_low: f64, now: Timestamp) -> Option<LaneMove> {
        let may_start = self.phase == Phase::Settled
            && to == self.other()
            && gain_low >= GAIN_MIN
            && self.here.runs() >= RUNS_MIN
            && self.has_dwelt(now)
            && !self.is_refuted();
        if !may_start {
            return None;
        }
        self.phase = Phase::Canary { done: 0 };
        self.block_left = 0;
        Some(self.event(now, to, MoveKind::CanaryStarted { gain_low }))
    }

    /// Takes note of a run that ended, and moves if it is time to. Runs whose result was of the
    /// wrong type count as errors; the caller names the kind.
    pub fn observe(&mut self, run: Run<'_>, now: Timestamp) -> Option<LaneMove> {
        self.runs = self.runs.saturating_add(1);
        let is_here = run.lane == self.lane;
        let is_new_error = run.error.is_some_and(|kind| !self.knows_error(kind, is_here));
        let ledger = if is_here { &mut self.here } else { &mut self.there };
        ledger.record(run.cost, run.error);
        let harm =
            run.error.filter(|_| is_new_error).map(|kind| Harm::NewError { kind: kind.to_owned() });
        match self.phase {
            Phase::Canary { done } if !is_here => self.after_canary(done + 1, harm, now),
            Phase::Trial { done, baseline } if is_here => {
                self.after_trial(done + 1, baseline, harm, now)
            }
            Phase::Settled | Phase::Canary { .. } | Phase::Trial { .. } | Phase::Locked => None,
        }
    }

    /// An error is new when the lane that the task came from never saw it.
    fn knows_error(&self, kind: &str, is_here: bool) -> bool {
        match self.phase {
            Phase::Canary { .. } if !is_here => self.here.knows(kind),
            Phase::Trial { .. } if is_here => self.there.knows(kind),
            Phase::Settled | Phase::Canary { .. } | Phase::Trial { .. } | Phase::Locked => true,
        }
    }

    fn after_canary(&mut self, done: u64, harm: Option<Harm>, now: Timestamp) -> Option<LaneMove> {
        let (low, _) = self.there.cost_against(&self.here);
        let harm = harm.or((nanos::approximate(done) >= CANARIES_MIN && low > LOSS_MAX)
            .then_some(Harm::Slower { factor: low }));
        if let Some(harm) = harm {
            self.phase = Phase::Locked;
            return Some(self.event(now, self.other(), MoveKind::CanaryRejected { harm }));
        }
        if nanos::approximate(done) < CANARIES_MIN {
            self.phase = Phase::Canary { done };
            return None;
        }
        let to = self.other();
        let event = self.event(now, to, MoveKind::Moved);
        self.phase = Phase::Trial { done: 0, baseline: self.here.log_mean() };
        self.switch(to, now);
        // The trial is judged by its own runs; canaries ran beside the other lane's work.
        self.here = Ledger::default();
        Some(event)
    }

    fn after_trial(
        &mut self,
        done: u64,
        baseline: f64,
        harm: Option<Harm>,
        now: Timestamp,
    ) -> Option<LaneMove> {
        let factor = (self.here.log_mean() - baseline).exp();
        let is_judged = nanos::approximate(done) >= TRIAL_RUNS;
        let harm = harm.or((is_judged && factor > LOSS_MAX).then_some(Harm::Slower { factor }));
        if let Some(harm) = harm {
            let to = self.other();
            let event = self.event(now, to, MoveKind::Undone { harm });
            self.switch(to, now);
            self.phase = Phase::Locked;
            return Some(event);
        }
        if !is_judged {
            self.phase = Phase::Trial { done, baseline };
            return None;
        }
        self.phase = Phase::Settled;
        let kind = MoveKind::Kept { gain: 1.0 / factor };
        Some(LaneMove { from: self.other(), ..self.event(now, self.lane, kind) })
    }

    fn switch(&mut self, to: Lane, now: Timestamp) {
        self.lane = to;
        self.moved_at = Some(now);
        std::mem::swap(&mut self.here, &mut self.there);
    }

    fn has_dwelt(&self, now: Timestamp) -> bool {
        self.moved_at.is_none_or(|at| now.since(at) >= nanos::from_seconds(DWELL))
    }

    /// Whether both lanes are known from runs and the other one is not better by the dead band even
    /// at the worse end of the range.
    fn is_refuted(&self) -> bool {
        let is_known = self.there.runs() >= RUNS_MIN;
        let (_, high) = self.there.cost_against(&self.here);
        is_known && high * GAIN_MIN > 1.0
    }

    fn event(&self, at: Timestamp, to: Lane, kind: MoveKind) -> LaneMove {
        LaneMove {
            task: self.task.clone(),
            size_bucket: self.size_bucket,
            at,
            from: self.lane,
            to,
            kind,
            runs: self.runs,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "one over the canaries' share is twenty"
)]
const fn block_runs() -> u32 {
    (1.0 / CANARY_SHARE) as u32
}

fn place_in_block(random: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a block of twenty"
    )]
    let place = (random.clamp(0.0, 1.0) * f64::from(block_runs())) as u32;
    place.min(block_runs() - 1)
}

#[cfg(test)]
mod tests;
