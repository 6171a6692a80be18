//! What the parts say together.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use laneway_core::job::TaskName;
use laneway_core::profile::{Blockage, InLine, Profile, Site};

use crate::cli::advise::survey::{Case, Level, of_profiles};
use crate::profiling::{LoopPart, Part, TaskPart};

/// Everything that a report shows.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) command: String,
    pub(super) duration: Duration,
    pub(super) status: u8,
    /// Process and loop, those that ran longest first.
    pub(super) loops: Vec<(u32, LoopPart)>,
    /// What ran on them, what took most of their time first.
    pub(super) tasks: Vec<TaskRow>,
    pub(super) acquitted: (u64, Duration),
}

/// One kind of task, or one endpoint.
#[derive(Debug)]
pub(super) struct TaskRow {
    pub(super) is_endpoint: bool,
    pub(super) unfinished: u64,
    pub(super) errors: u64,
    pub(super) profile: Profile,
    pub(super) case: Case,
}

/// A line that kept a loop from turning, and for which task.
#[derive(Debug)]
pub(super) struct Blocker<'a> {
    pub(super) task: &'a str,
    pub(super) site: &'a Site,
}

impl Report {
    pub(super) fn new(
        command: &[String],
        (duration, status): (Duration, u8),
        parts: Vec<Part>,
        folder: &Path,
    ) -> Self {
        let mut acquitted = (0, 0);
        let mut loops = Vec::new();
        let mut tasks: BTreeMap<TaskName, TaskPart> = BTreeMap::new();
        for part in parts {
            acquitted = (acquitted.0 + part.acquitted.0, acquitted.1 + part.acquitted.1);
            loops.extend(part.loops.into_iter().map(|seen| (part.process, seen)));
            for task in part.tasks {
                let name = task.profile.key.task.clone();
                if let Some(known) = tasks.get_mut(&name) {
                    known.profile.merge(&task.profile);
                    known.unfinished += task.unfinished;
                    known.at_once = known.at_once.max(task.at_once);
                } else {
                    tasks.insert(name, task);
                }
            }
        }
        loops.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.wall));
        let loop_time = Duration::from_nanos(loops.iter().map(|(_, seen)| seen.wall).sum());
        let profiles = tasks.values().map(|task| (task.profile.clone(), in_line(task))).collect();
        let row = |case: Case| {
            let task = tasks.remove(&case.advice.task)?;
            Some(TaskRow {
                is_endpoint: task.is_endpoint,
                unfinished: task.unfinished,
                errors: task.profile.errors_count,
                profile: task.profile,
                case,
            })
        };
        let mut rows: Vec<TaskRow> =
            of_profiles(profiles, loop_time, folder).into_iter().filter_map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.profile.step_sum));
        let acquitted = (acquitted.0, Duration::from_nanos(acquitted.1));
        Self { command: command.join(" "), duration, status, loops, tasks: rows, acquitted }
    }

    /// The lines that blocked, dearest first. A starved host has none.
    pub(super) fn blockers(&self) -> Vec<Blocker<'_>> {
        let mut blockers: Vec<Blocker<'_>> =
            self.tasks.iter().flat_map(TaskRow::blockers).collect();
        blockers.retain(|blocker| blocker.site.blockage != Blockage::Starved);
        blockers.sort_by_key(|blocker| std::cmp::Reverse(blocker.site.total));
        blockers
    }

    /// What to change, and what the host owes.
    pub(super) fn advice(&self) -> Vec<&Case> {
        let is_told = |case: &&Case| {
            use laneway_core::verdict::Change;
            case.level() >= Level::Warning || case.advice.change == Change::RelieveHost
        };
        let mut cases: Vec<&Case> =
            self.tasks.iter().map(|row| &row.case).filter(is_told).collect();
        cases.sort_by_key(|case| std::cmp::Reverse(case.level()));
        cases
    }

    /// The mean time that a newcomer waits on the loop.
    pub(super) fn lag(&self) -> Duration {
        self.tasks.iter().filter_map(|row| row.case.advice.lag.as_ref()).map(|lag| lag.lag).sum()
    }
}

/// Requests stand in line before they are measured, in the server and on their way to it.
const fn in_line(task: &TaskPart) -> InLine {
    if task.is_endpoint { InLine::Unknown } else { InLine::Coroutines(task.at_once) }
}

impl TaskRow {
    fn blockers(&self) -> impl Iterator<Item = Blocker<'_>> {
        let task = self.case.advice.task.as_str();
        self.profile.sites.iter().map(move |site| Blocker { task, site })
    }
}

/// Where the time of a loop went, in nanoseconds. The parts add up to its time.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoopSplit {
    pub(super) cpu: u64,
    pub(super) callbacks: u64,
    pub(super) blocked: u64,
    pub(super) run_delay: u64,
    pub(super) idle: u64,
}

impl LoopSplit {
    pub(super) fn of(seen: &LoopPart) -> Self {
        let steps_cpu = seen.steps_cpu.min(seen.wall);
        let mut left = seen.wall - steps_cpu;
        let mut take = |amount: u64| {
            let taken = amount.min(left);
            left -= taken;
            taken
        };
        // A step that lacked a core was neither computing nor blocked.
        let off_cpu = seen.steps.saturating_sub(steps_cpu);
        let blocked = take(off_cpu.saturating_sub(seen.steps_run_delay));
        let callbacks = take(seen.cpu.unwrap_or(0).saturating_sub(steps_cpu));
        let run_delay = take(seen.run_delay.unwrap_or(0));
        Self { cpu: steps_cpu, callbacks, blocked, run_delay, idle: left }
    }

    pub(super) const fn parts(self) -> [(&'static str, u64); 5] {
        [
            ("cpu in steps", self.cpu),
            ("blocked in steps", self.blocked),
            ("cpu in callbacks", self.callbacks),
            ("run queue", self.run_delay),
            ("idle", self.idle),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_loop_add_up_to_its_time() {
        let seen = LoopPart {
            wall: 100,
            steps: 60,
            steps_cpu: 20,
            cpu: Some(30),
            run_delay: Some(5),
            steps_run_delay: 5,
            ..LoopPart::default()
        };
        let split = LoopSplit::of(&seen);
        assert_eq!((split.cpu, split.callbacks, split.blocked), (20, 10, 35));
        assert_eq!(split.parts().iter().map(|(_, part)| part).sum::<u64>(), 100);
        let odd = LoopPart { wall: 10, steps: 90, steps_cpu: 4, cpu: Some(50), ..seen };
        assert_eq!(LoopSplit::of(&odd).parts().iter().map(|(_, part)| part).sum::<u64>(), 10);
    }
}
