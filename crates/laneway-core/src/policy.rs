//! What a job carries of its task's wishes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::interrupt::{INTERRUPTS_MAX_DEFAULT, OnInterrupt};

/// The rules under which a job runs, fixed when it is enqueued.
///
/// Jobs of one task usually share one policy, so stores keep each distinct policy once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// When a failed attempt is repeated.
    pub retry: Backoff,
    /// The time an attempt may take before it is asked to stop; `None` for no bound.
    pub timeout: Option<Duration>,
    /// The time between the request to stop and the attempt's end by force.
    pub grace: Duration,
    /// What happens when an attempt ends without a word.
    pub on_interrupt: OnInterrupt,
    /// Interruptions after which the job fails as poison; at least 1.
    pub interrupts_max: u32,
}

/// The time between the request to stop and the end by force, by default.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(5);

impl Default for Policy {
    fn default() -> Self {
        Self {
            retry: Backoff::default(),
            timeout: None,
            grace: GRACE_DEFAULT,
            on_interrupt: OnInterrupt::default(),
            interrupts_max: INTERRUPTS_MAX_DEFAULT,
        }
    }
}
