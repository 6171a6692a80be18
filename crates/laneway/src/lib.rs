//! Laneway as one piece: the composition root and the facade for Rust programs.
//!
//! **What is this?** The one place that knows concrete stores ([`connect()`]), reads the
//! configuration ([`config`]), and holds the command line ([`cli`]). The binary `laneway` and the
//! Python extension are both thin layers over it.
//!
//! **What does it promise?** Every value it acts on is known by where it came from, every failure
//! is a coded [`Error`](laneway_core::error::Error), and no secret of a store's URL is ever shown.
//!
//! **What does it deliberately not do?** It decides nothing about jobs: that is `laneway-core`. It
//! runs none: that is `laneway-engine`. It knows no Python beyond where to find its interpreter.
//!
//! **Where to start reading?** [`store_url`], [`config`], then [`cli::run`].
//!
//! ```
//! # async fn example() -> Result<(), laneway::core::error::Error> {
//! let url = laneway::StoreUrl::parse("memory://", std::path::Path::new("."))?;
//! let store = laneway::connect(&url).await?;
//! # drop(store);
//! # Ok(())
//! # }
//! ```

pub mod cli;
pub mod config;
mod connect;
pub mod endpoint;
pub mod profiling;
mod store;
pub mod store_url;
pub mod transfer;
pub mod view;

pub use connect::{connect, connect_existing};
pub use laneway_core as core;
pub use laneway_engine as engine;
pub use store::{AnyStore, AnyWatch, Enqueueing};
pub use store_url::StoreUrl;

/// The release of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
