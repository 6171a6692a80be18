//! A clock that stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use laneway_core::clock::{Clock, Timestamp, micros};

/// The instant at which every simulated clock starts, far from the ends of time.
const START: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

/// A clock that tests move. Clones show the same time.
#[derive(Debug, Clone)]
pub struct SimClock(Arc<AtomicI64>);

impl SimClock {
    /// A clock of its own.
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START.as_micros())))
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(micros(by), Ordering::SeqCst);
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_show_the_same_time_and_it_moves_only_when_it_is_moved() {
        let clock = SimClock::new();
        let other = clock.clone();
        let before = other.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_secs(3));
        assert_eq!(other.now().since(before), Duration::from_secs(3));
    }
}
