//! How many cores the thread lane uses: what gives a lane away that is bound by the GIL.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::profile::Occupancy;

use super::gil_waits::Seen;
use super::task::TaskBook;
use super::waits::{ThreadNumber, thread_number};
use crate::meter::{monotonic_ns, process_cpu_ns};

/// The attempts in the thread lane, and the clocks at its last change.
///
/// The CPU time is that of the whole process, so a busy event loop beside the lane counts as well.
#[derive(Debug, Default)]
pub(super) struct ThreadLane {
    running: Vec<(Arc<TaskBook>, u32)>,
    threads: Vec<(ThreadNumber, Arc<Seen>)>,
    wall: u64,
    cpu: u64,
}

impl ThreadLane {
    /// An attempt of a task begins in this thread; gives where stands what it is seen to wait for.
    pub(super) fn began(&mut self, task: &Arc<TaskBook>) -> Arc<Seen> {
        self.advance();
        let seen = Arc::new(Seen::default());
        self.threads.push((thread_number(), Arc::clone(&seen)));
        match self.running.iter_mut().find(|(running, _)| Arc::ptr_eq(running, task)) {
            Some((_, count)) => *count += 1,
            None => self.running.push((Arc::clone(task), 1)),
        }
        seen
    }

    /// The attempt in this thread has ended.
    pub(super) fn ended(&mut self, task: &Arc<TaskBook>) {
        self.advance();
        let number = thread_number();
        if let Some(at) = self.threads.iter().position(|(thread, _)| *thread == number) {
            self.threads.swap_remove(at);
        }
        if let Some((_, count)) = self.running.iter_mut().find(|(r, _)| Arc::ptr_eq(r, task)) {
            *count = count.saturating_sub(1);
        }
        self.running.retain(|(_, count)| *count > 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// At most so many attempts, others in each `turn`, and how many there are.
    pub(super) fn some(
        &self,
        turn: usize,
        count: usize,
    ) -> (Vec<(ThreadNumber, Arc<Seen>)>, usize) {
        let (all, running) = (&self.threads, self.threads.len());
        let first = turn.checked_rem(running).unwrap_or(0);
        (all.iter().cycle().skip(first).take(count.min(running)).cloned().collect(), running)
    }

    /// Bills the time since the last change to the tasks that ran in it.
    fn advance(&mut self) {
        let (wall, cpu) = (monotonic_ns(), process_cpu_ns());
        let busy = Duration::from_nanos(wall.saturating_sub(self.wall));
        let used = Duration::from_nanos(cpu.saturating_sub(self.cpu));
        (self.wall, self.cpu) = (wall, cpu);
        let attempts: u32 = self.running.iter().map(|(_, count)| count).sum();
        if attempts == 0 {
            return;
        }
        let mut occupancy = Occupancy { busy, cpu: used, ..Occupancy::default() };
        if attempts > 1 {
            (occupancy.contended, occupancy.contended_cpu) = (busy, used);
        }
        for (task, _) in &self.running {
            task.occupied(&occupancy);
        }
    }
}
