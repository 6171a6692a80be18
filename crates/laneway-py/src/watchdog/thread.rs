//! Looking at another thread of this process from outside.

use pyo3::prelude::*;

use super::reader::present_thread_state;
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
        Some(activity_in(&self.file("syscall")?))
    }

    fn file(self, name: &str) -> Option<String> {
        std::fs::read_to_string(format!("/proc/self/task/{}/{name}", self.id)).ok()
    }
}

/// The line is `running`, or the number of a system call and its arguments. A futex is waited for
/// with a limit if its fourth argument is not null.
#[cfg(target_os = "linux")]
fn activity_in(line: &str) -> Activity {
    let mut words = line.split_ascii_whitespace();
    let Some(Ok(number)) = words.next().map(str::parse::<libc::c_long>) else {
        return Activity::Running;
    };
    if number == libc::SYS_futex && words.nth(3).is_some_and(|timeout| timeout != "0x0") {
        return Activity::TimedLock;
    }
    Activity::SystemCall
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
