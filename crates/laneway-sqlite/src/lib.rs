//! Laneway's embedded store: one SQLite file, no server.
//!
//! **What is this?** [`SqliteStore`], the [`Store`](laneway_core::store::Store) for one machine.
//! Any number of processes may open the same file.
//!
//! **What does it promise?** What the contract of `laneway_core::store` says, with the durability
//! that was chosen: an acknowledged write survives the death of any process (`os`), also a power
//! failure (`fsync`), or lives as long as the process (`memory`).
//!
//! **What does it deliberately not do?** It never opens the database file with anything but its own
//! SQLite, never watches SQLite's side files, and never waits inside a transaction: each is as
//! short as its statements.
//!
//! **Where to start reading?** The tables in `schema/v1.sql`, then `writer`, through which every
//! change goes, then the topics: `enqueue`, `claim`, `settle`, `session`, `sweep`,
//! `control`, `prune`; reads are in `inspect` and `census`, wake-ups in `watch`.

mod bell;
mod census;
mod claim;
mod clock;
mod control;
mod enqueue;
mod fault;
mod gate;
mod health;
mod inspect;
mod names;
mod open;
mod ownership;
mod profile;
mod prune;
mod reader;
mod restore;
mod schema;
mod session;
mod settle;
mod standing;
mod store;
mod sweep;
mod transaction;
mod value;
mod watch;
mod writer;

pub use clock::SystemClock;
pub use open::{Location, SqliteOptions};
pub use store::SqliteStore;
pub use watch::SqliteWatch;
