//! Which process something was made in.
//!
//! A fork copies memory but no threads: a store's writer, the runtime and a runner's channel are
//! dead in the child although they look alive. Whatever depends on threads therefore remembers its
//! process and refuses to work in another one.

use laneway_core::error::{Code, Error};
use rustix::process::{Pid, getpid};

/// The process in which a value was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birthplace(Pid);

impl Birthplace {
    /// The present process.
    pub(crate) fn here() -> Self {
        Self(getpid())
    }

    /// Whether the present process is the one.
    pub(crate) fn is_here(self) -> bool {
        self == Self::here()
    }

    /// Refuses to go on in another process.
    pub(crate) fn check(self, noun: &str) -> Result<(), Error> {
        let here = Self::here();
        if self == here {
            return Ok(());
        }
        Err(Error::new(Code::StoreUnavailable, format!("a {noun} cannot be used after a fork"))
            .why(format!("it was made in process {} and this is process {}", self.0, here.0))
            .fix(format!("make a new {noun} in each process")))
    }
}
