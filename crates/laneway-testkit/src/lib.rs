//! What proves a store.
//!
//! **What is this?** The conformance suite that every store passes ([`conformance`]), the plainest
//! possible store to compare with ([`model`]), a test that random work on both gives the same
//! answers ([`agreement`]), what other programs may describe to a server ([`described`]), a store
//! that breaks on demand ([`faulty`]), and a clock that tests move ([`clock`]).
//!
//! **What does it promise?** A store that passes keeps the contract of [`laneway_core::store`] as
//! far as it can be seen from outside.
//!
//! **What does it deliberately not do?** It never asks which store is under test, and it never
//! sleeps: time moves when a test moves it, and what is awaited announces itself.
//!
//! **Where to start reading?** [`conformance`], then the topics below it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this library is used by tests only: a broken expectation is their failure"
)]

pub mod agreement;
pub mod block_on;
pub mod clock;
pub mod conformance;
pub mod described;
pub mod faulty;
pub mod model;
