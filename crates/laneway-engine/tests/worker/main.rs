//! A whole worker with real runner processes on a real store.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "an expectation that breaks is a failure"
)]

mod bench;
mod crashes;
mod drain;
mod ends;
mod launch;
mod stops;
mod store_trouble;
