//! Random work on the store on a Redis server and on the model gives the same answers.

use crate::harness::OnServer;
use laneway_testkit::agreement::run_agreement;

#[test]
fn a_store_on_a_server_agrees_with_the_model() {
    run_agreement::<OnServer>(150);
}
