//! The store on PostgreSQL keeps the contract that every store keeps.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test without its server has failed, and says how to get one"
)]

#[path = "support/harness.rs"]
mod harness;
#[path = "support/server.rs"]
mod server;

use harness::{Asynchronous, Synchronous};

mod synchronous {
    use super::*;
    laneway_testkit::conformance_suite!(Synchronous);
}

mod asynchronous {
    use super::*;
    laneway_testkit::conformance_suite!(Asynchronous);
}
