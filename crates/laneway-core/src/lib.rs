//! The domain of Laneway, pure.
//!
//! **What is this?** The rules of a job's life: its states and the one table that says which change
//! is legal ([`transition`]), when a failed attempt runs again ([`backoff`]), what becomes of an
//! attempt whose worker died ([`interrupt`]), how a rate is kept ([`limit`]), what may be said when
//! something goes wrong ([`error`]), and the two ports that everything outside plugs into:
//! [`store::Store`] and [`clock::Clock`].
//!
//! **What does it promise?** Same input, same answer, on every machine and in every store.
//!
//! **What does it deliberately not do?** It never reads a clock, a socket, a file or a random
//! number; the caller passes them in. It knows no runtime, no database and no Python.
//!
//! **Where to start reading?** [`transition`], then [`store`].

pub mod backoff;
pub mod clock;
pub mod duration;
pub mod error;
pub mod id;
pub mod interrupt;
pub mod job;
pub mod limit;
pub mod policy;
pub mod profile;
pub mod store;
pub mod transition;
pub mod verdict;
