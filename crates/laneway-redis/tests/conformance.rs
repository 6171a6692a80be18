//! The store on a Redis server keeps the contract that every store keeps.

#![expect(clippy::unwrap_used, reason = "opening a store in a test cannot be refused")]

#[path = "support/harness.rs"]
mod harness;

use harness::OnServer;

mod on_server {
    use super::*;
    laneway_testkit::conformance_suite!(OnServer);
}
