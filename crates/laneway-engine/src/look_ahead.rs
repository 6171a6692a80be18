//! How many jobs may wait in the socket of a busy process runner.
//!
//! A runner that asks for its next job only when it is idle loses a round trip for each, which is
//! most of the time when jobs are short. A job that waits behind a long one loses that one's whole
//! run. So the jobs ahead are never worth more than [`HORIZON`] of work, by what recent runs took.

use std::time::Duration;

/// The longest time that jobs waiting in a runner's socket should take together.
pub(crate) const HORIZON: Duration = Duration::from_millis(20);

const JOBS_MAX: u64 = 32;

/// The weight of the newest run in the moving average, as a divisor.
const SMOOTHING: u64 = 8;

/// The moving average of recent runs in the process lane.
#[derive(Debug, Default)]
pub(crate) struct LookAhead {
    average_us: Option<u64>,
}

impl LookAhead {
    /// Takes a run into account.
    pub(crate) fn record(&mut self, wall: Duration) {
        let run = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        self.average_us = Some(match self.average_us {
            None => run,
            Some(average) => average - average / SMOOTHING + run / SMOOTHING,
        });
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

    fn after(runs_us: &[u64]) -> usize {
        let mut ahead = LookAhead::default();
        for run in runs_us {
            ahead.record(Duration::from_micros(*run));
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
        ahead.record(Duration::from_micros(50));
        ahead.was_too_long();
        assert_eq!(ahead.jobs(), 0);
        for _ in 0..20 {
            ahead.record(Duration::from_micros(50));
        }
        assert!(ahead.jobs() > 8);
    }
}
