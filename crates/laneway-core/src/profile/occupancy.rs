//! How many cores a lane really used: the sign by which a GIL-bound lane gives itself away.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;

/// The least contended time from which [`Occupancy::cores_used`] answers.
const CONTENDED_MIN: Duration = Duration::from_millis(500);

/// CPU time against wall time of a lane while attempts ran in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Occupancy {
    /// Wall time in which at least one attempt ran.
    #[serde(with = "nanos")]
    pub busy: Duration,
    /// CPU time of the lane's threads meanwhile.
    #[serde(with = "nanos")]
    pub cpu: Duration,
    /// The part of `busy` in which at least two attempts ran.
    #[serde(with = "nanos")]
    pub contended: Duration,
    /// CPU time of the lane's threads in that part.
    #[serde(with = "nanos")]
    pub contended_cpu: Duration,
}

impl Occupancy {
    /// Adds what was seen in another stretch of time.
    pub fn merge(&mut self, other: &Self) {
        self.busy = self.busy.saturating_add(other.busy);
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.contended = self.contended.saturating_add(other.contended);
        self.contended_cpu = self.contended_cpu.saturating_add(other.contended_cpu);
    }

    /// The cores that attempts side by side used: about 1 when they hold the GIL all the time.
    /// `None` until they shared the lane for half a second; an attempt that is alone says nothing.
    pub fn cores_used(&self) -> Option<f64> {
        (self.contended >= CONTENDED_MIN)
            .then(|| self.contended_cpu.as_secs_f64() / self.contended.as_secs_f64())
    }

    /// The cores that the lane used while it was busy, with one attempt or more. `None` until that
    /// was half a second.
    pub fn cores_of_busy(&self) -> Option<f64> {
        (self.busy >= CONTENDED_MIN).then(|| self.cpu.as_secs_f64() / self.busy.as_secs_f64())
    }

    /// The share of the busy time in which at least two attempts ran.
    pub fn contended_share(&self) -> f64 {
        if self.busy.is_zero() {
            return 0.0;
        }
        self.contended.as_secs_f64() / self.busy.as_secs_f64()
    }
}
