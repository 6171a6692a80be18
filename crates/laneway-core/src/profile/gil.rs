//! Waits for the GIL: what is known of them, and how that is told from looks at attempts.
//!
//! To the clocks a wait for the GIL and a wait for an answer are the same. A runner therefore looks
//! at its attempts now and then, and sees which of the two a sleeping one is in. What was seen of
//! an attempt counts when it ends, with its own blocked time: attempts that began together may all
//! sleep first and all compute then, and what was seen of them meanwhile says nothing of the one
//! that ends first.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;

/// With fewer looks at sleeping attempts than this, nothing is claimed yet.
pub const LOOKS_MIN: u32 = 8;

/// What attempts whose wait for the GIL is known measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GilWait {
    /// Their blocked time, the wait for the GIL included.
    #[serde(with = "nanos")]
    pub blocked: Duration,
    /// Their wait for the GIL.
    #[serde(with = "nanos")]
    pub waited: Duration,
}

impl GilWait {
    /// Adds what other attempts measured.
    pub fn add(&mut self, other: &Self) {
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.waited = self.waited.saturating_add(other.waited);
    }
}

/// What sleeping attempts were seen to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looks {
    /// Looks.
    pub count: u32,
    /// The weight of those that saw a wait for the GIL.
    pub gil: u64,
    /// The weight of those that saw something else.
    pub other: u64,
}

impl Looks {
    fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.gil = self.gil.saturating_add(other.gil);
        self.other = self.other.saturating_add(other.other);
    }

    /// The share of the time slept that was a wait for the GIL.
    fn gil_share(self) -> Option<f64> {
        let (gil, other) = (nanos::approximate(self.gil), nanos::approximate(self.other));
        (gil + other > 0.0).then(|| gil / (gil + other))
    }
}

/// The blocked time of attempts that have ended and what they were seen to wait for, until that was
/// seen often enough to tell the one from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeenBlocked {
    blocked: Duration,
    looks: Looks,
}

impl SeenBlocked {
    /// Adds an attempt that has ended, with all looks that were taken at it. One that was too short
    /// to be looked at counts, too: others like it were.
    pub fn record(&mut self, blocked: Duration, looks: Looks) {
        self.blocked = self.blocked.saturating_add(blocked);
        self.looks.add(looks);
    }

    /// What is known of the attempts recorded since it last was; `None` while that is too little,
    /// and then they are kept for the next time.
    pub fn take(&mut self) -> Option<GilWait> {
        let share = self.looks.gil_share().filter(|_| self.looks.count >= LOOKS_MIN)?;
        let Self { blocked, .. } = std::mem::take(self);
        Some(GilWait { blocked, waited: blocked.mul_f64(share) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn looks(gil: u32, other: u32) -> Looks {
        Looks { count: gil + other, gil: gil.into(), other: other.into() }
    }

    #[test]
    fn nothing_is_claimed_of_few_looks_and_nothing_is_forgotten() {
        let mut seen = SeenBlocked::default();
        seen.record(Duration::from_millis(300), looks(0, LOOKS_MIN - 1));
        assert_eq!(seen.take(), None);
        seen.record(Duration::from_millis(500), looks(1, 0));
        let (blocked, waited) = (Duration::from_millis(800), Duration::from_millis(100));
        assert_eq!(seen.take(), Some(GilWait { blocked, waited }));
        assert_eq!(seen.take(), None);
    }

    /// A look at one of three times as many attempts stands for three times as much.
    #[test]
    fn looks_count_by_their_weight() {
        let mut seen = SeenBlocked::default();
        seen.record(Duration::from_millis(400), Looks { count: 9, gil: 3, other: 9 });
        assert_eq!(seen.take().unwrap().waited, Duration::from_millis(100));
    }

    proptest! {
        /// However often it is asked, each attempt is told of once, or not yet.
        #[test]
        fn each_attempt_is_told_of_once(
            attempts in
                prop::collection::vec((0_u64..900, 0_u32..9, 0_u32..9, any::<bool>()), 1..40),
        ) {
            let (mut seen, mut told) = (SeenBlocked::default(), GilWait::default());
            let mut all = Duration::ZERO;
            for (blocked, gil, other, is_asked) in attempts {
                let blocked = Duration::from_millis(blocked);
                all += blocked;
                seen.record(blocked, looks(gil, other));
                if let Some(known) = seen.take_if(is_asked) {
                    prop_assert!(known.waited <= known.blocked);
                    told.add(&known);
                }
            }
            prop_assert_eq!(told.blocked + seen.blocked, all);
        }
    }

    impl SeenBlocked {
        fn take_if(&mut self, is_asked: bool) -> Option<GilWait> {
            is_asked.then(|| self.take()).flatten()
        }
    }
}
