//! Which process something was made in.
//!
//! A fork copies memory but no threads: a store's writer, the runtime and a runner's channel are
//! dead in the child although they look alive. Whatever depends on threads therefore remembers its
//! process and refuses to work in another one.
//!
//! It copies locks, too, and one that another thread held at that moment is held for ever. What
//! threads without the GIL lock therefore belongs to one process.

use std::sync::OnceLock;

use laneway_core::error::{Code, Error};
use pyo3::prelude::*;
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

/// A value that every process has for itself: a fork leaves the parent's behind.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(OnceLock<Box<Generation<T>>>);

/// The value of a process, and behind it those of the processes that were forked from it.
#[derive(Debug)]
struct Generation<T> {
    birthplace: Birthplace,
    value: T,
    forked: PerProcess<T>,
}

impl<T: Default> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// That of this process, if it has one; needs no GIL and takes no lock.
    pub(crate) fn get(&self) -> Option<&T> {
        let generation = self.0.get()?;
        if generation.birthplace.is_here() {
            return Some(&generation.value);
        }
        generation.forked.get()
    }

    /// That of this process, which is made if it has none.
    ///
    /// The GIL is held throughout (that is what `_py` proves), so no `os.fork` can copy a value
    /// that is being made.
    pub(crate) fn get_or_make(&self, _py: Python<'_>) -> &T {
        let make = || Generation {
            birthplace: Birthplace::here(),
            value: T::default(),
            forked: Self::new(),
        };
        let mut place = self;
        loop {
            let generation = place.0.get_or_init(|| Box::new(make()));
            if generation.birthplace.is_here() {
                return &generation.value;
            }
            place = &generation.forked;
        }
    }
}
