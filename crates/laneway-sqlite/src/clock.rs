//! The machine's wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use laneway_core::clock::{Clock, Timestamp, micros};

/// The machine's wall clock: the one that rules an embedded store.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is where the machine's time enters")]
        let now = SystemTime::now();
        // A clock before 1970 is not set; the epoch serves as well as any wrong time.
        Timestamp::from_micros(now.duration_since(UNIX_EPOCH).map_or(0, micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_a_time_after_this_was_written() {
        assert!(SystemClock.now() > Timestamp::from_micros(1_760_000_000_000_000));
    }
}
