//! Who waits for the GIL: what tells threads that compute in turn from threads that wait for an
//! answer. To the clocks both are the same: neither CPU time nor a wait for a core.
//!
//! The kernel tells of a thread that sleeps in which call it does so, and on which address. Waits
//! for the GIL sleep within one object of the interpreter, and where it lies is found once, by a
//! thread that is made to wait for the GIL. From then on a thread of our own, which needs no GIL,
//! looks at some attempts of the thread lane every [`EVERY`]. Where the kernel does not tell, or
//! the C library is not the one whose ways are known, nothing is claimed.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::Duration;

use laneway_core::profile::Looks;
use pyo3::prelude::*;

use super::Shared;
use super::waits::Waits;
use crate::thread::without_signals;

/// The time between two looks.
const EVERY: Duration = Duration::from_millis(20);

/// At most so many threads are looked at each time: at about 5 us a thread, 0.2 % of a core.
const THREADS_MAX: usize = 8;

/// After so many looks without an attempt, no more are taken until the next one begins.
const IDLE_LOOKS: u32 = 50;

/// What one attempt was seen to wait for. The thread that looks writes it, the attempt's own reads
/// it in the end.
#[derive(Debug, Default)]
pub(super) struct Seen {
    count: AtomicU32,
    gil: AtomicU64,
    other: AtomicU64,
}

impl Seen {
    fn add(&self, is_gil: bool, weight: u64) {
        let sum = if is_gil { &self.gil } else { &self.other };
        sum.fetch_add(weight, Relaxed);
        self.count.fetch_add(1, Relaxed);
    }

    pub(super) fn looks(&self) -> Looks {
        Looks {
            count: self.count.load(Relaxed),
            gil: self.gil.load(Relaxed),
            other: self.other.load(Relaxed),
        }
    }
}

/// The thread that looks; it ends with what it looks at.
#[derive(Debug)]
pub(super) struct Sampler {
    thread: Thread,
    is_asleep: Arc<AtomicBool>,
}

impl Sampler {
    /// Starts it, if it can be told what a wait for the GIL looks like here.
    pub(super) fn start(py: Python<'_>, shared: &Arc<Shared>) -> Option<Self> {
        let waits = Waits::find(py)?;
        let is_asleep = Arc::new(AtomicBool::new(false));
        let (shared, asleep) = (Arc::downgrade(shared), Arc::clone(&is_asleep));
        let thread = std::thread::Builder::new().name("laneway-gil".to_owned());
        let spawn = || thread.spawn(move || look_for_ever(&shared, &waits, &asleep));
        let handle = without_signals(spawn).ok()?;
        Some(Self { thread: handle.thread().clone(), is_asleep })
    }

    /// An attempt begins.
    pub(super) fn wake(&self) {
        if self.is_asleep.load(Relaxed) {
            self.is_asleep.store(false, Relaxed);
            self.thread.unpark();
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

fn look_for_ever(shared: &Weak<Shared>, waits: &Waits, is_asleep: &AtomicBool) {
    let mut idle = 0;
    let mut turn = 0_usize;
    loop {
        std::thread::park_timeout(EVERY);
        idle = match look(shared, waits, turn) {
            None => return,
            Some(0) => idle + 1,
            Some(_) => 0,
        };
        turn = turn.wrapping_add(THREADS_MAX);
        if idle < IDLE_LOOKS {
            continue;
        }
        is_asleep.store(true, Relaxed);
        // An attempt that began before this has woken nobody, and is seen here.
        if look(shared, waits, turn) == Some(0) {
            while is_asleep.load(Relaxed) && shared.strong_count() > 0 {
                std::thread::park();
            }
        }
        is_asleep.store(false, Relaxed);
        idle = 0;
    }
}

/// Looks at some attempts; gives at how many, and `None` when the runner has ended. Each of them
/// stands for those that were not looked at.
fn look(shared: &Weak<Shared>, waits: &Waits, turn: usize) -> Option<usize> {
    let (attempts, running) = shared.upgrade()?.threads().some(turn, THREADS_MAX);
    let weight = running.max(THREADS_MAX) as u64;
    for (thread, seen) in &attempts {
        if let Some(is_gil) = waits.is_gil(*thread) {
            seen.add(is_gil, weight);
        }
    }
    Some(attempts.len())
}
