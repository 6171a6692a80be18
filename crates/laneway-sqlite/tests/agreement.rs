//! Random work on the embedded store and on the model gives the same answers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "opening a store in a test cannot be refused, nor breaking what is in it"
)]

#[path = "support/harness.rs"]
mod harness;

use harness::{InFile, InMemory};
use laneway_testkit::agreement::run_agreement;

#[test]
fn a_store_in_a_file_agrees_with_the_model() {
    run_agreement::<InFile>(150);
}

#[test]
fn a_store_in_memory_agrees_with_the_model() {
    run_agreement::<InMemory>(400);
}
