//! When a call to a store that could not answer is repeated.

use std::time::Duration;

use fastrand::Rng;
use laneway_core::backoff::Backoff;

use crate::clock::Moment;

/// The pauses between two tries: 50 ms to 5 s, half of it at random, for as long as it takes.
const PAUSES: Backoff = Backoff {
    attempts_max: u32::MAX,
    first: Duration::from_millis(50),
    factor: 2.0,
    cap: Duration::from_secs(5),
    jitter: 0.5,
};

/// The pause before the next try of one verb.
#[derive(Debug, Default)]
pub(crate) struct StoreRetry {
    failures: u32,
    not_before: Moment,
}

impl StoreRetry {
    /// The call failed; gives the pause until it may be repeated.
    pub(crate) fn failed(&mut self, rng: &mut Rng, now: Moment) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let pause = PAUSES.delay_after(self.failures, rng.f64()).unwrap_or(PAUSES.cap);
        self.not_before = now.plus(pause);
        pause
    }

    /// The call succeeded.
    pub(crate) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The store answers other calls again, so the next try need not wait.
    pub(crate) fn may_go_on(&mut self) {
        self.not_before = Moment::default();
    }

    /// The moment before which no try is made, while tries fail.
    pub(crate) fn pause_until(&self) -> Option<Moment> {
        (self.failures > 0).then_some(self.not_before)
    }

    /// Whether a try may be made.
    pub(crate) fn may_try(&self, now: Moment) -> bool {
        self.pause_until().is_none_or(|until| now >= until)
    }
}
