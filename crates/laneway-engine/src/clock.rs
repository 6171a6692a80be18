//! Where time enters the engine; nothing else in this crate asks a clock or sleeps.
//!
//! Deadlines are [`Moment`]s: they come from a monotonic clock and do not move when somebody sets
//! the machine's time. The store's own clock decides everything that is written down.

use std::time::Duration;

use laneway_core::clock::Timestamp;
use tokio::time::Instant;

/// Microseconds since the worker began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    pub(crate) fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// The worker's own time line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    origin: Instant,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else asks")]
impl Timeline {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::default().plus(self.origin.elapsed())
    }

    /// Sleeps until then; for ever when there is no such moment.
    pub(crate) async fn sleep_until(&self, moment: Option<Moment>) {
        match moment {
            Some(moment) => {
                tokio::time::sleep_until(self.origin + moment.since(Moment::default())).await;
            }
            None => std::future::pending().await,
        }
    }
}

/// Sleeps so long.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else asks")]
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// The machine's time, good for the sortable part of an identity and nothing else.
#[expect(clippy::disallowed_methods, reason = "identities sort by the time they were made")]
pub(crate) fn wall_time() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::default().plus(since_epoch.unwrap_or_default())
}
