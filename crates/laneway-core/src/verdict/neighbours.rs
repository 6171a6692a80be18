//! Who delays a coroutine: the lag bill of its loop, seen from the one who waits.

use std::time::Duration;

use serde::Serialize;

use super::advice::Advice;
use super::thresholds::{BLOCKED_P95, DELAY_SHARE_MIN};
use crate::job::Lane;
use crate::profile::LagShare;
use crate::profile::nanos::from_seconds;

/// The most others that are named.
const NAMED_MAX: usize = 3;

/// How long others on its loop make a task wait.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delay {
    /// For each of its turns on the loop, on average; at most so much, since the task itself waits
    /// no longer.
    pub lag: Duration,
    /// Who causes most of it, the dearest first.
    pub by: Vec<LagShare>,
}

impl Delay {
    /// The delay of a task on the loop that a bill is of, if it is worth a word.
    pub fn of(advice: &Advice, bill: &[LagShare]) -> Option<Self> {
        if advice.lane != Lane::Async || !advice.sufficiency.has_runs() {
            return None;
        }
        let others = || bill.iter().filter(|share| share.task != advice.task);
        let caused: Duration = others().map(|share| share.lag).sum();
        let evidence = &advice.evidence;
        let lag = caused.min(evidence.awaited.mean + evidence.wait.mean);
        let least = evidence.wall.mean.mul_f64(DELAY_SHARE_MIN).max(from_seconds(BLOCKED_P95));
        if lag < least {
            return None;
        }
        let is_large = |share: &&LagShare| share.lag >= caused.mul_f64(DELAY_SHARE_MIN);
        let by = others().filter(is_large).take(NAMED_MAX).cloned().collect();
        Some(Self { lag, by })
    }
}
