//! What a thread sleeps for, as the kernel tells it.

/// The number of a thread, as the system knows it.
pub(super) type ThreadNumber = i32;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) use linux::{Waits, thread_number};

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) use elsewhere::{Waits, thread_number};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux {
    use std::cell::Cell;
    use std::ops::Range;
    use std::sync::mpsc;
    use std::time::Duration;

    use pyo3::prelude::*;

    use super::ThreadNumber;
    use crate::asleep::Asleep;
    use crate::thread::without_signals;

    /// The GIL's condition variable and its neighbours, which are waited for with it, lie within
    /// so many bytes before and behind an address that was seen.
    const BYTES_BEFORE: u64 = 64;
    const BYTES_BEHIND: u64 = 192;

    /// A thread that waits for the GIL is looked for so often.
    const TRIES: u32 = 100;
    const PAUSE: Duration = Duration::from_micros(50);

    /// So long is waited for that thread to begin.
    const BEGIN: Duration = Duration::from_millis(20);

    /// How a wait for the GIL looks.
    #[derive(Debug)]
    pub(in crate::book) struct Waits {
        gil: Range<u64>,
    }

    impl Waits {
        /// Has a thread wait for the GIL, which this one holds, and sees where it sleeps. It takes
        /// a fraction of a millisecond, 25 ms at most, once in a runner with threads.
        pub(in crate::book) fn find(_: Python<'_>) -> Option<Self> {
            // Some sandboxes do not tell even a thread of itself.
            std::fs::read("/proc/thread-self/syscall").ok()?;
            let (tell, told) = mpsc::channel();
            let wait = move || {
                tell.send(thread_number()).ok();
                Python::attach(|_| ());
                drop(tell);
            };
            let thread = std::thread::Builder::new().name("laneway-gil-find".to_owned());
            // It is not joined: it ends when this thread has released the GIL.
            without_signals(|| thread.spawn(wait)).ok()?;
            let waiting = told.recv_timeout(BEGIN).ok()?;
            let mut seen: Option<Range<u64>> = None;
            for _ in 0..TRIES {
                // It says no more; it ends when it gets the GIL, so that there is none to wait for.
                if told.recv_timeout(PAUSE) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return None;
                }
                let Some(Asleep::Futex { at, .. }) = state_of(waiting) else {
                    continue;
                };
                // Twice at one place, so that it is no lock on the way to the GIL.
                if let Some(gil) = seen.filter(|gil| gil.contains(&at)) {
                    return Some(Self { gil });
                }
                seen = Some(range_around(at));
            }
            None
        }

        /// Whether a thread waits for the GIL; `None` when it does not sleep.
        pub(in crate::book) fn is_gil(&self, thread: ThreadNumber) -> Option<bool> {
            Some(match state_of(thread)? {
                Asleep::Futex { at, .. } => self.gil.contains(&at),
                Asleep::Elsewhere => false,
            })
        }
    }

    fn range_around(at: u64) -> Range<u64> {
        at.saturating_sub(BYTES_BEFORE)..at.saturating_add(BYTES_BEHIND)
    }

    /// What a thread of this process does, if it sleeps and the kernel tells.
    fn state_of(thread: ThreadNumber) -> Option<Asleep> {
        let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).ok()?;
        Asleep::read(&text)
    }

    /// The number of this thread.
    pub(in crate::book) fn thread_number() -> ThreadNumber {
        thread_local! {
            static NUMBER: Cell<ThreadNumber> = const { Cell::new(0) };
        }
        NUMBER.with(|number| {
            if number.get() == 0 {
                number.set(rustix::thread::gettid().as_raw_nonzero().get());
            }
            number.get()
        })
    }
}

/// Another C library waits elsewhere: musl in the stack of whoever waits.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod elsewhere {
    use pyo3::prelude::*;

    use super::ThreadNumber;

    /// Unknown here.
    #[derive(Debug)]
    pub(in crate::book) enum Waits {}

    impl Waits {
        pub(in crate::book) fn find(_: Python<'_>) -> Option<Self> {
            None
        }

        pub(in crate::book) fn is_gil(&self, _: ThreadNumber) -> Option<bool> {
            match *self {}
        }
    }

    pub(in crate::book) fn thread_number() -> ThreadNumber {
        0
    }
}
