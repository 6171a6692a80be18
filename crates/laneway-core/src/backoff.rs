//! When a failed attempt runs again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often a job is tried, and how long it waits between attempts.
///
/// The wait before attempt `n + 1` is `first · factor^(n − 1)`, at most `cap`, and then spread by
/// jitter: a share `jitter` of it is taken at random from zero, so that jobs that failed together
/// do not come back together ("equal jitter" at 0.5, "full jitter" at 1.0 in Marc Brooker's
/// *Exponential Backoff and Jitter*, 2015).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// Attempts in all, the first one included; at least 1.
    pub attempts_max: u32,
    /// The wait after the first failed attempt.
    pub first: Duration,
    /// What each further wait is multiplied by; at least 1.
    pub factor: f64,
    /// The longest wait.
    pub cap: Duration,
    /// The share of the wait that is random, between 0 and 1.
    pub jitter: f64,
}

impl Default for Backoff {
    /// One attempt: a job that raises fails, unless its task says that it may be repeated.
    fn default() -> Self {
        Self {
            attempts_max: 1,
            first: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(600),
            jitter: 0.5,
        }
    }
}

impl Backoff {
    /// The wait after the failed attempt number `failures` (1 for the first), or `None` when no
    /// further attempt is granted. `random` is uniform in `[0, 1)`.
    pub fn delay_after(&self, failures: u32, random: f64) -> Option<Duration> {
        if failures >= self.attempts_max {
            return None;
        }
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let cap = self.cap.as_secs_f64();
        let full = (self.first.as_secs_f64() * self.factor.max(1.0).powi(exponent)).min(cap);
        let jitter = self.jitter.clamp(0.0, 1.0);
        let wait = full * (1.0 - jitter + jitter * random.clamp(0.0, 1.0));
        // A policy may come from another program, with a cap beyond what a duration can be.
        Some(Duration::try_from_secs_f64(wait).unwrap_or(self.cap))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn six() -> Backoff {
        Backoff {
            attempts_max: 6,
            first: Duration::from_secs(2),
            factor: 2.0,
            cap: Duration::from_secs(10),
            jitter: 0.0,
        }
    }

    #[test]
    fn waits_double_up_to_the_cap_and_then_end() {
        let waits: Vec<_> =
            (1..=6).map(|n| six().delay_after(n, 0.5).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(2), Some(4), Some(8), Some(10), Some(10), None]);
    }

    #[test]
    fn the_default_grants_one_attempt() {
        assert_eq!(Backoff::default().delay_after(1, 0.0), None);
    }

    #[test]
    fn no_policy_however_absurd_ends_the_worker() {
        let cap = Duration::MAX;
        for (factor, jitter) in [(f64::MAX, 0.0), (f64::NAN, f64::NAN), (-1.0, f64::INFINITY)] {
            let absurd = Backoff { first: cap, cap, factor, jitter, ..six() };
            assert!(absurd.delay_after(3, 0.5).is_some());
        }
    }

    proptest! {
        #[test]
        fn a_wait_lies_between_its_jittered_bounds(
            failures in 1_u32..2_000,
            random in 0.0..1.0_f64,
            jitter in 0.0..=1.0_f64,
        ) {
            let policy = Backoff { attempts_max: 5_000, jitter, ..six() };
            let full = Backoff { jitter: 0.0, ..policy }.delay_after(failures, 0.0).unwrap();
            let wait = policy.delay_after(failures, random).unwrap();
            prop_assert!(wait <= full);
            prop_assert!(wait.as_secs_f64() >= full.as_secs_f64() * (1.0 - jitter) - 1e-6);
        }
    }
}
