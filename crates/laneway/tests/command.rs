//! The real `laneway` command on real stores: what it prints, where, and how it ends.

#![expect(
    clippy::unwrap_used,
    reason = "the bench is test code too, but the lint's exception knows only test functions"
)]

#[path = "command/advise.rs"]
mod advise;
#[path = "command/bench.rs"]
mod bench;
#[path = "command/check.rs"]
mod check;
#[path = "command/configuration.rs"]
mod configuration;
#[path = "command/endpoint.rs"]
mod endpoint;
#[path = "command/jobs.rs"]
mod jobs;
#[path = "command/manners.rs"]
mod manners;
#[path = "command/queues.rs"]
mod queues;
#[path = "command/transfer.rs"]
mod transfer;
#[path = "command/worker.rs"]
mod worker;
