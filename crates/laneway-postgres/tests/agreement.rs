//! Random work on the store on PostgreSQL and on the model gives the same answers.

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
use laneway_testkit::agreement::run_agreement;

#[test]
fn a_store_on_a_server_agrees_with_the_model() {
    run_agreement::<Synchronous>(20);
}

#[test]
fn a_store_that_waits_for_no_disk_agrees_with_the_model() {
    run_agreement::<Asynchronous>(20);
}
