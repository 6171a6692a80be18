//! The embedded store keeps the contract that every store keeps.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "opening a store in a test cannot be refused, nor breaking what is in it"
)]

#[path = "support/harness.rs"]
mod harness;

use harness::{InFile, InMemory};

mod in_file {
    use super::*;
    laneway_testkit::conformance_suite!(InFile);
}

mod in_memory {
    use super::*;
    laneway_testkit::conformance_suite!(InMemory);
}
