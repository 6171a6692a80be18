//! What the clocks said of one attempt, for the runner's profiles.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use laneway_core::profile::Measurement;

use super::account::Account;
use super::clock::{children_cpu_ns, monotonic_ns, process_cpu_ns, run_delay_ns, thread_cpu_ns};
use super::tally::{Label, Sink, StepTime, Sums, Tally};

impl Account {
    /// An account whose end is told to `sink`.
    pub(crate) fn watched(label: Label, key: u64, sink: Arc<dyn Sink>) -> (Self, Weak<Tally>) {
        let tally = Arc::new(Tally::with_sink(label, key, sink));
        let weak = Arc::downgrade(&tally);
        (Self(tally), weak)
    }

    /// Notes where its sink keeps it.
    pub(crate) fn keep_at(&self, place: usize) {
        self.0.keep_at(place);
    }
}

/// How an attempt came to its loop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrival {
    /// It was handed over at this time, and stood in line until its coroutine was made.
    HandedAt(u64),
    /// It stood in line for so long, and then waited for something else.
    InLine(u64),
}

/// What a coroutine attempt begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginnings {
    pub(crate) label: Label,
    pub(crate) key: u64,
    /// The size of its arguments.
    pub(crate) args_bytes: u64,
    pub(crate) arrival: Arrival,
}

/// The sums of a coroutine attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) tally: Tally,
    args_bytes: u64,
    arrival: Arrival,
}

impl Attempt {
    pub(super) fn new(beginnings: Beginnings) -> Self {
        let Beginnings { label, key, args_bytes, arrival } = beginnings;
        Self { tally: Tally::new(label, key), args_bytes, arrival }
    }

    /// For how long it stood in line for its first step, and how long that took; `None` before.
    pub(super) fn first_step(&self) -> Option<(Duration, Duration)> {
        let took = self.tally.first()?;
        let in_line = match self.arrival {
            Arrival::HandedAt(at) => self.tally.started_at().saturating_sub(at),
            Arrival::InLine(time) => time,
        };
        Some((Duration::from_nanos(in_line), Duration::from_nanos(took)))
    }

    /// What was measured until `now`, and how long before that it ended; zero while it has not.
    pub(super) fn measurement(&self, now: u64) -> (Measurement, Duration) {
        let sums = self.tally.sums(now);
        let ended_ago = sums.ended_ago(now);
        (Measurement { args_bytes: self.args_bytes, ..sums.measurement() }, ended_ago)
    }

    /// Its wall and CPU time until `now`.
    pub(super) fn times(&self, now: u64) -> (Duration, Duration) {
        let sums = self.tally.sums(now);
        (Duration::from_nanos(sums.wall), Duration::from_nanos(sums.in_steps.cpu))
    }
}

impl Tally {
    /// The sums at this moment.
    pub(crate) fn present_sums(&self) -> Sums {
        self.sums(monotonic_ns())
    }

    /// The sums of a coroutine that has ended.
    pub(crate) fn last_sums(&self) -> Sums {
        self.sums(0)
    }
}

impl Sums {
    /// With a step that has not ended; it takes no more than the time that no ended step took.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a step takes less than 104 days")]
    pub(crate) fn with_unfinished(mut self, step: StepTime) -> Self {
        let wall = step.wall.min(self.wall.saturating_sub(self.in_steps.wall));
        let cpu = step.cpu.min(wall);
        let run_delay = step.run_delay.min(wall - cpu);
        self.in_steps = self.in_steps.plus(StepTime { wall, cpu, run_delay });
        self.steps += u64::from(wall > 0);
        // As of a step that has ended: a wait for a core is not its work.
        let own = wall - run_delay;
        self.longest = self.longest.max(own);
        self.squares += own as f64 * own as f64;
        self
    }

    /// How long it has been, from the first step on.
    pub(crate) const fn wall(&self) -> u64 {
        self.wall
    }

    /// As it is recorded.
    pub(crate) fn measurement(self) -> Measurement {
        let sums = self;
        let steps = sums.in_steps;
        let nanos = Duration::from_nanos;
        let off_cpu = steps.wall.saturating_sub(steps.cpu);
        Measurement {
            wall: nanos(sums.wall),
            cpu: nanos(steps.cpu),
            blocked: nanos(off_cpu.saturating_sub(steps.run_delay)),
            awaited: nanos(sums.wall.saturating_sub(steps.wall)),
            run_delay: knows_run_delay().then(|| nanos(steps.run_delay)),
            step_max: nanos(sums.longest),
            step_sum: nanos(steps.wall.saturating_sub(steps.run_delay)),
            step_square_sum: square_micros(sums.squares),
            ..Measurement::default()
        }
    }
}

/// Whether this system tells waits for a core. Asked once: every answer is a system call.
fn knows_run_delay() -> bool {
    // No lock: a thread without the GIL may be the first to ask, and a fork would copy it.
    static ANSWER: AtomicU8 = AtomicU8::new(UNASKED);
    const UNASKED: u8 = 0;
    const NO: u8 = 1;
    const YES: u8 = 2;
    match ANSWER.load(Relaxed) {
        UNASKED => {
            let answer = run_delay_ns().is_some();
            ANSWER.store(if answer { YES } else { NO }, Relaxed);
            answer
        }
        answer => answer == YES,
    }
}

/// Square nanoseconds as square microseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float that is not negative ends at the bound of the integer"
)]
fn square_micros(square_nanos: f64) -> u64 {
    (square_nanos / 1e6) as u64
}

/// The clocks of a thread at one moment, or what passed between two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallClocks {
    pub(crate) wall: u64,
    pub(crate) cpu: u64,
    pub(crate) run_delay: Option<u64>,
}

impl CallClocks {
    /// The clocks of the present thread.
    pub(crate) fn now() -> Self {
        Self { wall: monotonic_ns(), cpu: thread_cpu_ns(), run_delay: run_delay_ns() }
    }

    /// What has passed since `self`, in the same thread. The parts never exceed the whole, although
    /// the clocks are not read at the very same moment.
    pub(crate) fn elapsed(self) -> Self {
        let now = Self::now();
        let wall = now.wall.saturating_sub(self.wall);
        let cpu = now.cpu.saturating_sub(self.cpu).min(wall);
        let delay = now.run_delay.zip(self.run_delay);
        let run_delay = delay.map(|(now, then)| now.saturating_sub(then).min(wall - cpu));
        Self { wall, cpu, run_delay }
    }
}

/// The CPU clocks of a process and its ended children, or what passed between two readings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessClocks {
    pub(crate) cpu: u64,
    pub(crate) children_cpu: u64,
}

impl ProcessClocks {
    /// The clocks of this process.
    pub(crate) fn now() -> Self {
        Self { cpu: process_cpu_ns(), children_cpu: children_cpu_ns() }
    }

    /// What has passed since `self`.
    pub(crate) fn elapsed(self) -> Self {
        let now = Self::now();
        Self {
            cpu: now.cpu.saturating_sub(self.cpu),
            children_cpu: now.children_cpu.saturating_sub(self.children_cpu),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_under_way_counts_without_its_wait_for_a_core() {
        let none = StepTime { wall: 0, cpu: 0, run_delay: 0 };
        let before =
            Sums { wall: 100, ended_at: 0, steps: 0, in_steps: none, longest: 0, squares: 0.0 };
        let sums = before.with_unfinished(StepTime { wall: 90, cpu: 20, run_delay: 60 });
        assert_eq!((sums.longest, sums.squares), (30, 900.0));
        assert_eq!((sums.in_steps.wall, sums.in_steps.run_delay), (90, 60));
    }
}
