//! The store on a real server: the contract of all stores, and what only servers and networks do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of these tests fail like the tests themselves"
)]

mod agreement;
mod audit;
mod conformance;
mod damage;
mod harness;
mod interface;
mod jobs;
mod network;
mod place;
mod proxy;
mod server;
mod size;
