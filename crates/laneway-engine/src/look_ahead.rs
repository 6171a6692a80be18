//! How many jobs may wait in the socket of a busy process runner.
//!
//! A runner that asks for its next job only when it is idle loses a round trip for each, which is
//! most of the time when jobs are short. A job that waits behind a long one loses that one's whole
//! run. So the jobs ahead are never worth more than [`HORIZON`] of work, by what recent runs took,
//! and nothing waits behind a job whose task is not known to be short.

use std::collections::HashMap;
use std::time::Duration;

use laneway_core::job::TaskName;

/// The longest time that jobs waiting in a runner's socket should take together.
pub(crate) const HORIZON: Duration = Duration::from_millis(20);

const JOBS_MAX: u64 = 32;

/// The weight of the newest run in the moving average, as a divisor.
const SMOOTHING: u64 = 8;

/// Moving averages of recent runs in the process lane: of all together, and of each task.
#[derive(Debug, Default)]
pub(crate) struct LookAhead {
    average_us: Option<u64>,
    average_us_by_task: HashMap<TaskName, u64>,
}

impl LookAhead {
    /// Takes a run into account.
    pub(crate) fn record(&mut self, task: &TaskName, wall: Duration) {
        let run = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        let smooth = |average: u64| average - average / SMOOTHING + run / SMOOTHING;
        self.average_us = Some(self.average_us.map_or(run, smooth));
        match self.average_us_by_task.get_mut(task) {
            Some(average) => *average = smooth(*average),
            None => {
                self.average_us_by_task.insert(task.clone(), run);
            }
        }
    }

    /// Whether jobs may wait behind one of this task: it has run, and its runs were short.
    pub(crate) fn is_short(&self, task: &TaskName) -> bool {
        let average = self.average_us_by_task.get(task);
        average.is_some_and(|average| Duration::from_micros(*average) <= HORIZON)
    }

    /// A runner proved to be busy for long while jobs waited in its socket.
    pub(crate) fn was_too_long(&mut self) {
        let horizon = u64::try_from(HORIZON.as_micros()).unwrap_or(u64::MAX);
        self.average_us = Some(self.average_us.unwrap_or_default().max(horizon + 1));
    }

    /// How many jobs may wait behind the one that runs.
    pub(crate) fn jobs(&self) -> usize {
        let horizon = u64::try_from(HORIZON.as_micros()).unwrap_or(u64::MAX);
        let jobs = self.average_us.map_or(0, |average| (horizon / average.max(1)).min(JOBS_MAX));
        usize::try_from(jobs).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str) -> TaskName {
        TaskName::new(name).unwrap()
    }

    fn after(runs_us: &[u64]) -> usize {
        let mut ahead = LookAhead::default();
        for run in runs_us {
            ahead.record(&task("thumbnail"), Duration::from_micros(*run));
        }
        ahead.jobs()
    }

    #[test]
    fn only_short_runs_are_looked_ahead_of() {
        for (runs, jobs) in [
            (&[][..], 0),
            (&[100], 32),
            (&[1_000], 20),
            (&[10_000], 2),
            (&[20_000], 1),
            (&[21_000], 0),
            (&[100_000], 0),
            (&[100, 100, 100_000], 1),
        ] {
            assert_eq!(after(runs), jobs, "{runs:?}");
        }
    }

    #[test]
    fn a_runner_caught_busy_ends_the_looking_ahead_until_runs_are_short_again() {
        let mut ahead = LookAhead::default();
        ahead.record(&task("thumbnail"), Duration::from_micros(50));
        ahead.was_too_long();
        assert_eq!(ahead.jobs(), 0);
        for _ in 0..20 {
            ahead.record(&task("thumbnail"), Duration::from_micros(50));
        }
        assert!(ahead.jobs() > 8);
    }

    #[test]
    fn nothing_waits_behind_a_task_that_is_unknown_or_long() {
        let mut ahead = LookAhead::default();
        assert!(!ahead.is_short(&task("report")));
        ahead.record(&task("thumbnail"), Duration::from_millis(2));
        ahead.record(&task("report"), Duration::from_secs(3));
        assert!(ahead.is_short(&task("thumbnail")));
        assert!(!ahead.is_short(&task("report")));
    }
}
