//! What a thread does while it runs an event loop: in all, and over time.

use std::sync::Arc;

use laneway::profiling::{LoopPart, Slice};

use crate::meter::StepTime;
use crate::watchdog::{Owner, Slot, ThreadReading};

/// The length of a slice of the timeline at first.
const SLICE_NS: u64 = 100_000_000;

/// The most slices; two become one when there are more.
const SLICES_MAX: usize = 1_200;

/// The sums of one loop's thread.
#[derive(Debug)]
pub(super) struct LoopLog {
    slot: Arc<Slot>,
    is_running: bool,
    began_at: u64,
    last: ThreadReading,
    part: LoopPart,
}

/// What passed between two readings, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Passed {
    wall: u64,
    steps: u64,
    cpu: u64,
    run_delay: u64,
}

impl LoopLog {
    /// A loop that starts now.
    pub(super) fn new(slot: Arc<Slot>, kind: &str) -> Self {
        let last = slot.reading();
        let part = LoopPart { kind: kind.to_owned(), slice: SLICE_NS, ..LoopPart::default() };
        Self { slot, is_running: true, began_at: last.at, last, part }
    }

    pub(super) fn is_of(&self, slot: &Arc<Slot>) -> bool {
        Arc::ptr_eq(&self.slot, slot)
    }

    /// It runs again.
    pub(super) fn enter(&mut self, kind: &str) {
        self.look();
        self.is_running = true;
        kind.clone_into(&mut self.part.kind);
    }

    /// It stops.
    pub(super) fn leave(&mut self) {
        self.look();
        self.is_running = false;
    }

    /// The step that its thread is in, and what that took so far.
    pub(super) fn unfinished(&self) -> Option<(Owner, StepTime)> {
        self.slot.unfinished()
    }

    pub(super) fn part(&self) -> LoopPart {
        self.part.clone()
    }

    /// Adds what passed since the last look.
    pub(super) fn look(&mut self) {
        let now = self.slot.reading().after(&self.last);
        let last = std::mem::replace(&mut self.last, now);
        if !self.is_running {
            return;
        }
        let since = |now: u64, then: u64| now.saturating_sub(then);
        let schedule = now.schedule.zip(last.schedule);
        let [cpu, run_delay] = [
            schedule.map(|(now, then)| since(now.0, then.0)),
            schedule.map(|(now, then)| since(now.1, then.1)),
        ];
        let passed = Passed {
            wall: since(now.at, last.at),
            steps: since(now.steps, last.steps),
            cpu: cpu.unwrap_or(0),
            run_delay: run_delay.unwrap_or(0),
        };
        let part = &mut self.part;
        part.wall += passed.wall;
        part.steps += passed.steps;
        part.steps_count += since(now.steps_count, last.steps_count);
        part.steps_cpu += since(now.steps_cpu, last.steps_cpu);
        part.steps_run_delay += since(now.steps_run_delay, last.steps_run_delay);
        part.steps_longest = part.steps_longest.max(now.steps_longest);
        part.cpu = cpu.map(|cpu| part.cpu.unwrap_or(0) + cpu);
        part.run_delay = run_delay.map(|delay| part.run_delay.unwrap_or(0) + delay);
        self.draw(last.at, now.at, passed);
    }

    /// Spreads what passed over the slices in which it did.
    fn draw(&mut self, from: u64, to: u64, passed: Passed) {
        let (from, to) = (since_start(from, self.began_at), since_start(to, self.began_at));
        while slice_of(to, self.part.slice) >= SLICES_MAX {
            let pairs = self.part.timeline.chunks(2).map(|pair| {
                pair.iter().fold(Slice::default(), |mut sum, slice| {
                    sum.add(slice);
                    sum
                })
            });
            self.part.timeline = pairs.collect();
            self.part.slice *= 2;
        }
        let (slice, timeline) = (self.part.slice, &mut self.part.timeline);
        let mut at = from;
        while at < to {
            let index = slice_of(at, slice);
            let end = ((index as u64 + 1) * slice).min(to);
            let share = |amount: u64| micros(amount, end - at, to - from);
            if timeline.len() <= index {
                timeline.resize(index + 1, Slice::default());
            }
            if let Some(drawn) = timeline.get_mut(index) {
                drawn.add(&Slice {
                    wall: share(passed.wall),
                    steps: share(passed.steps),
                    cpu: share(passed.cpu),
                    run_delay: share(passed.run_delay),
                });
            }
            at = end;
        }
    }
}

fn since_start(at: u64, began_at: u64) -> u64 {
    at.saturating_sub(began_at)
}

fn slice_of(at: u64, slice: u64) -> usize {
    usize::try_from(at / slice.max(1)).unwrap_or(usize::MAX)
}

/// The `part` of the `whole` of an amount of nanoseconds, in microseconds.
fn micros(amount: u64, part: u64, whole: u64) -> u32 {
    let share = u128::from(amount) * u128::from(part) / u128::from(whole.max(1)) / 1_000;
    u32::try_from(share).unwrap_or(u32::MAX)
}
