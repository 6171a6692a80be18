//! Looking at another thread of this process from outside.

use pyo3::prelude::*;

use super::reader::present_thread_state;
#[cfg(target_os = "linux")]
use crate::asleep::Asleep;
pub(super) use crate::schedstat::Schedule;

/// A thread, as the operating system knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OsThread {
    /// What Python knows it by.
    pub(super) ident: u64,
    /// Where Python keeps its state.
    pub(super) state: u64,
    #[cfg(target_os = "linux")]
    id: libc::pid_t,
}

/// What a thread does at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux tells"))]
pub(super) enum Activity {
    /// It computes, or is ready to.
    Running,
    /// It waits on a lock in memory, for a time at most: as threads wait for the GIL.
    TimedLock,
    /// It waits for anything else.
    SystemCall,
}

impl OsThread {
    #[expect(unsafe_code, reason = "there are no safe wrappers of these calls")]
    pub(super) fn present(py: Python<'_>) -> Self {
        Self {
            // SAFETY: the call cannot fail.
            ident: unsafe { libc::pthread_self() } as u64,
            state: present_thread_state(py),
            // SAFETY: the call cannot fail.
            #[cfg(target_os = "linux")]
            id: unsafe { libc::gettid() },
        }
    }
}

#[cfg(target_os = "linux")]
impl OsThread {
    pub(super) fn schedule(self) -> Option<Schedule> {
        Schedule::read(self.file("schedstat")?.as_bytes())
    }

    pub(super) fn activity(self) -> Option<Activity> {
        Some(match Asleep::read(&self.file("syscall")?) {
            None => Activity::Running,
            Some(Asleep::Futex { is_timed: true, .. }) => Activity::TimedLock,
            Some(Asleep::Futex { .. } | Asleep::Elsewhere) => Activity::SystemCall,
        })
    }

    fn file(self, name: &str) -> Option<String> {
        std::fs::read_to_string(format!("/proc/self/task/{}/{name}", self.id)).ok()
    }
}

#[cfg(not(target_os = "linux"))]
impl OsThread {
    pub(super) fn schedule(self) -> Option<Schedule> {
        None
    }

    pub(super) fn activity(self) -> Option<Activity> {
        None
    }
}
