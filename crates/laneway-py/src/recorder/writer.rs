//! The thread that looks at the loops and writes what is known.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::{Shared, locked};
use crate::meter::{monotonic_ns, thread_cpu_ns};
use crate::thread::without_signals;

/// How often the clocks of loops are read.
const LOOK: Duration = Duration::from_millis(50);

/// A part is written at most this often, and at least this often,
const WRITE_NS: u64 = 200_000_000;
const WRITE_MAX_NS: u64 = 2_000_000_000;

/// and in between no more than this share of a core is spent on it: one in so many.
const WRITE_SHARE: u64 = 200;

/// Ends the thread when it goes.
#[derive(Debug)]
pub(super) struct Writer(Arc<End>);

#[derive(Debug, Default)]
struct End {
    is_here: Mutex<bool>,
    bell: Condvar,
}

impl Writer {
    pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let end = Arc::new(End::default());
        let (theirs, shared) = (Arc::clone(&end), Arc::downgrade(shared));
        let thread = std::thread::Builder::new().name("laneway-profile".to_owned());
        without_signals(|| thread.spawn(move || write_for_ever(&shared, &theirs)))?;
        Ok(Self(end))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After a fork the thread that may hold the lock is not in this process.
        if let Ok(mut is_here) = self.0.is_here.try_lock() {
            *is_here = true;
            self.0.bell.notify_all();
        }
    }
}

fn write_for_ever(shared: &Weak<Shared>, end: &End) {
    let mut next = monotonic_ns() + WRITE_NS;
    loop {
        let waited = end.bell.wait_timeout(locked(&end.is_here), LOOK);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
        let Some(shared) = shared.upgrade() else { return };
        let now = monotonic_ns();
        if now < next {
            shared.look();
            continue;
        }
        let cpu = thread_cpu_ns();
        // The command that asked for it is gone; the program goes on.
        if shared.write().is_err() {
            return;
        }
        let cost = thread_cpu_ns() - cpu;
        next = now + (cost * WRITE_SHARE).clamp(WRITE_NS, WRITE_MAX_NS);
    }
}
