//! The worker: it claims jobs from a store, has runners execute them, and settles how they ended.
//!
//! **What is this?** A supervisor in Rust and its runners, which are Python processes. The
//! supervisor holds leases, deadlines, retries and settlements and never waits for Python; a runner
//! executes attempts and says how they ended. They talk over a socket, see [`protocol`].
//!
//! **What does it promise?** Whatever a task does (compute for minutes, leak, crash, swallow its
//! cancellation), no lease is lost because of it, every other job goes on, and every job that was
//! claimed is settled, released, or found by the sweep of a store once the lease has run out.
//!
//! **What does it deliberately not do?** It knows no database, no Python and no command line; it
//! reads no configuration and prints nothing. What it has to say goes to an [`Observer`].
//!
//! **Where to start reading?** [`Launch`], then `supervisor`: the part that decides. It does no I/O
//! and reads no clock; `worker` gives it events and carries out its commands.

mod attempts;
mod auto_lanes;
mod claims;
mod clock;
mod deadlines;
mod fleet;
mod lanes;
mod launch;
mod look_ahead;
mod measurements;
mod observer;
mod options;
mod outcome;
pub mod protocol;
mod registration;
mod restart;
mod runner;
mod session_keeper;
mod settlements;
mod shutdown;
mod store_calls;
mod store_retry;
mod supervisor;
mod sweeper;
mod tasks;
mod wakes;
mod worker;

pub use launch::Launch;
pub use observer::{AttemptEnded, Blocker, Ending, Happening, Observer, WorkerReport};
pub use options::{Concurrency, WorkerOptions};
pub use shutdown::Phase;
