//! Laneway's store on a `PostgreSQL` server, version 13 or newer.
//!
//! **What is this?** [`PostgresStore`], the [`Store`](laneway_core::store::Store) for many machines
//! that share a database, and the functions of its schema, which are its interface for SQL.
//!
//! **What does it promise?** What the contract of `laneway_core::store` says. Every verb is one
//! statement that calls one function of the server: one round trip, one transaction, no prepared
//! statement and no setting of the session, so that a pooler between the two changes nothing. The
//! server's clock decides. A claim costs the same however long an old snapshot keeps dead rows.
//!
//! **What does it deliberately not do?** It never notifies inside a transaction that adds or ends
//! jobs, never counts in a row that all transactions would have to lock, and never upgrades a
//! schema by itself: only a new one is made at once.
//!
//! **Where to start reading?** The tables in `schema/v1/tables.sql` and the functions beside them,
//! then `link`, through which every call goes, then the topics: `enqueue`, `claim`, `settle`,
//! `session`, `control`; reads are in `inspect` and `census`, wake-ups in `watch` and `bell`.

mod bell;
mod call;
mod census;
mod claim;
mod control;
mod enqueue;
mod fault;
mod health;
mod inspect;
mod link;
mod names;
mod options;
mod ownership;
mod profile;
mod restore;
mod schema;
mod session;
mod settle;
mod store;
mod tls;
mod transaction;
mod value;
mod watch;

pub use options::PostgresOptions;
pub use schema::{Migration, migrate, pending};
pub use store::PostgresStore;
pub use transaction::Enqueueing;
pub use watch::PostgresWatch;
