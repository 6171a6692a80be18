//! Threads that coroutines' libraries start by themselves, as those for matrices do: they are seen
//! by the CPU time of the process beside that of the loop's thread.

use std::time::Duration;

use crate::meter::{Label, monotonic_ns, process_cpu_ns, thread_cpu_ns};

/// The clocks are read so often at most: they cost a system call each.
const EVERY_NS: u64 = 100_000_000;

/// Less than this share of a core is what our own threads use.
const SHARE_MIN: f64 = 0.25;

/// The clocks at the last reading, and whose attempts have ended since.
#[derive(Debug, Default)]
pub(super) struct OwnThreads {
    wall: u64,
    process: u64,
    thread: u64,
    task: Option<Label>,
    is_mixed: bool,
}

impl OwnThreads {
    /// An attempt uses another thread of this process.
    pub(super) fn mixed(&mut self) {
        self.is_mixed = true;
    }

    /// Attempts of a task have ended in the loop's thread, which this is; gives from time to time
    /// what other threads have computed, if it was nobody else's.
    pub(super) fn ended(&mut self, task: Label, has_neighbours: bool) -> Option<Duration> {
        self.is_mixed |= has_neighbours || self.task.is_some_and(|other| other != task);
        self.task = Some(task);
        let wall = monotonic_ns();
        let passed = wall.saturating_sub(self.wall);
        if passed < EVERY_NS {
            return None;
        }
        let (process, thread) = (process_cpu_ns(), thread_cpu_ns());
        let in_all = process.saturating_sub(self.process);
        let others =
            Duration::from_nanos(in_all.saturating_sub(thread.saturating_sub(self.thread)));
        let is_known = self.wall > 0 && !self.is_mixed;
        *self = Self { wall, process, thread, task: None, is_mixed: false };
        let is_much = others > Duration::from_nanos(passed).mul_f64(SHARE_MIN);
        (is_known && is_much).then_some(others)
    }
}
