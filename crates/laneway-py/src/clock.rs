//! The edge at which time enters the client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use laneway_core::clock::{Timestamp, micros};

/// This machine's time, for the time part of job ids only: due times and leases are the store's.
#[expect(clippy::disallowed_methods, reason = "this is where the client meets the real clock")]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(micros(since_epoch))
}

/// Waits on the shared runtime.
#[expect(clippy::disallowed_methods, reason = "this is where the client meets the real clock")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
