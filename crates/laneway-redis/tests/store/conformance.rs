//! The store on a Redis server keeps the contract that every store keeps.

use crate::harness::OnServer;

laneway_testkit::conformance_suite!(OnServer);
