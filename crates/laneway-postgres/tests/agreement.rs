//! Random work on the store on PostgreSQL and on the model gives the same answers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test without its server has failed, and says how to get one"
)]

#[path = "support/reused.rs"]
mod reused;
#[path = "support/server.rs"]
mod server;

use laneway_testkit::agreement::run_agreement;
use reused::Reused;

#[test]
fn a_store_on_a_server_agrees_with_the_model() {
    let _schemas = Reused::<true>::until_dropped();
    run_agreement::<Reused<true>>(100);
}

#[test]
fn a_store_that_waits_for_no_disk_agrees_with_the_model() {
    let _schemas = Reused::<false>::until_dropped();
    run_agreement::<Reused<false>>(100);
}
