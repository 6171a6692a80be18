//! Which process something was made in.
//!
//! A fork copies memory but no threads: a store's writer, the runtime and a runner's channel are
//! dead in the child although they look alive. Whatever depends on threads therefore remembers its
//! process and refuses to work in another one.
//!
//! It copies locks, too, and one that another thread held at that moment is held for ever. What
//! threads without the GIL lock therefore belongs to one process.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Once, OnceLock};

use laneway_core::error::{Code, Error};
use pyo3::prelude::*;

/// The process in which a value was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birthplace(u32);

/// The number of this process; zero until it is first asked for. The system is asked no more than
/// that: a system call slows down what runs after it, and this is asked at every step of a
/// coroutine. A child of a raw `clone` is not noticed, but no Python makes such children.
static PRESENT: AtomicU32 = AtomicU32::new(0);

extern "C" fn note_present() {
    PRESENT.store(std::process::id(), Relaxed);
}

#[cold]
fn first_present() -> u32 {
    static FORKS_ARE_NOTED: Once = Once::new();
    FORKS_ARE_NOTED.call_once(|| {
        #[expect(unsafe_code, reason = "there is no safe wrapper of pthread_atfork")]
        // SAFETY: the function lives as long as the process, since Python unloads no extension,
        // and does what a child may do: it asks for its number and stores it.
        let failed = unsafe { libc::pthread_atfork(None, None, Some(note_present)) };
        if failed == 0 {
            note_present();
        }
    });
    // Where forks cannot be noted, nothing is stored, and the system is asked every time.
    match PRESENT.load(Relaxed) {
        0 => std::process::id(),
        present => present,
    }
}

impl Birthplace {
    /// The present process.
    #[inline]
    pub(crate) fn here() -> Self {
        match PRESENT.load(Relaxed) {
            0 => Self(first_present()),
            present => Self(present),
        }
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
