//! Laneway's store on a Redis or Valkey server, for any number of machines.
//!
//! **What is this?** [`RedisStore`], the [`Store`](laneway_core::store::Store) on Redis ≥ 6.2 or
//! Valkey: one server, or the master that Sentinels name.
//!
//! **What does it promise?** What the contract of `laneway_core::store` says. Every verb is one
//! script, so it happens wholly or not at all; closing a session, sweeping and pruning are several
//! scripts of a bounded size, each of which leaves everything in order. An acknowledged write is as
//! durable as the server's append-only file, see [`RedisOptions::durability`].
//!
//! **What does it deliberately not do?** It never sets a time to live on a key, so that no eviction
//! by expiry can take one; it never asks the clock of the machine it runs on; and it never spreads
//! a namespace over the slots of a cluster: a claim spans queues, sessions and limits, so all keys
//! of a namespace share one hash tag.
//!
//! **Where to start reading?** `schema.md` names every key. `scripts/` holds what happens in the
//! server, a script a topic, behind `prelude.lua`. `script` calls them through `link`, which keeps
//! the connection; the topics here only put requests and answers into words. Wake-ups are in
//! `watch`.

mod claim;
mod control;
mod enqueue;
mod fault;
mod health;
mod info;
mod inspect;
mod link;
mod open;
mod options;
mod ownership;
mod policies;
mod profile;
mod reply;
mod script;
mod session;
mod settle;
mod store;
mod thread;
mod value;
mod watch;

pub use options::RedisOptions;
pub use store::RedisStore;
pub use watch::RedisWatch;
