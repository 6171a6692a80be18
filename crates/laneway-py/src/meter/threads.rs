//! The clocks of a thread that others look at, and the schedules of all threads of this process:
//! what `laneway.map` decides by.

use std::collections::HashMap;

use pyo3::prelude::*;

use super::clock::monotonic_ns;
use crate::schedstat::Schedule;

/// The clocks of the thread that makes this. On Linux any thread may read them.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct ThreadClocks(system::Clocks);

#[pymethods]
impl ThreadClocks {
    #[new]
    fn new() -> Self {
        Self(system::Clocks::of_this_thread())
    }

    /// Whether another thread may read them.
    #[classattr]
    fn are_visible_to_others() -> bool {
        system::CAN_LOOK_AT_OTHERS
    }

    /// (wall, CPU, run-queue delay), in nanoseconds.
    fn read(&self) -> PyResult<(u64, u64, Option<u64>)> {
        let cpu = self.0.cpu()?;
        Ok((monotonic_ns(), cpu, self.0.run_delay()))
    }
}

/// (CPU, run-queue delay, slices) of every thread of this process, by the system's number for it.
#[pyfunction]
pub(super) fn thread_schedules() -> HashMap<u32, (u64, u64, u64)> {
    let parts = |Schedule { cpu, run_delay, slices }| (cpu, run_delay, slices);
    system::schedules().map(|(thread, schedule)| (thread, parts(schedule))).collect()
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::fs::FileExt;

    use super::super::clock::run_delay_in;
    use crate::schedstat::Schedule;

    pub(super) const CAN_LOOK_AT_OTHERS: bool = true;

    /// The thread's CPU clock, and its schedule as an open file that is read again and again.
    #[derive(Debug)]
    pub(super) struct Clocks {
        cpu: Option<libc::clockid_t>,
        schedstat: Option<File>,
    }

    impl Clocks {
        #[expect(unsafe_code, reason = "there is no safe wrapper of pthread_getcpuclockid")]
        pub(super) fn of_this_thread() -> Self {
            let mut clock = 0;
            // SAFETY: the present thread lives, and `clock` is a valid place for the answer.
            let refused =
                unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
            Self {
                cpu: (refused == 0).then_some(clock),
                schedstat: File::open("/proc/thread-self/schedstat").ok(),
            }
        }

        #[expect(unsafe_code, reason = "the safe wrapper knows no clocks of other threads")]
        pub(super) fn cpu(&self) -> io::Result<u64> {
            let clock = self.cpu.ok_or(io::ErrorKind::Unsupported)?;
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: `time` is a valid place for the answer. A thread that has ended has no clock
            // any more; the call says so.
            if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(super::super::clock::timespec_ns(time))
        }

        pub(super) fn run_delay(&self) -> Option<u64> {
            let mut text = [0; 80];
            let length = self.schedstat.as_ref()?.read_at(&mut text, 0).ok()?;
            run_delay_in(text.get(..length)?)
        }
    }

    /// Threads that end meanwhile are left out.
    pub(super) fn schedules() -> impl Iterator<Item = (u32, Schedule)> {
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        tasks.filter_map(|task| {
            let thread = task.file_name().to_str()?.parse().ok()?;
            let text = fs::read(task.path().join("schedstat")).ok()?;
            Some((thread, Schedule::read(&text)?))
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::thread::ThreadId;

    use pyo3::exceptions::PyRuntimeError;
    use pyo3::prelude::*;

    use super::super::clock::thread_cpu_ns;
    use crate::schedstat::Schedule;

    pub(super) const CAN_LOOK_AT_OTHERS: bool = false;

    #[derive(Debug)]
    pub(super) struct Clocks(ThreadId);

    impl Clocks {
        pub(super) fn of_this_thread() -> Self {
            Self(std::thread::current().id())
        }

        pub(super) fn cpu(&self) -> PyResult<u64> {
            if self.0 == std::thread::current().id() {
                return Ok(thread_cpu_ns());
            }
            Err(PyRuntimeError::new_err("here the clocks of a thread are read in that thread only"))
        }

        pub(super) fn run_delay(&self) -> Option<u64> {
            None
        }
    }

    pub(super) fn schedules() -> impl Iterator<Item = (u32, Schedule)> {
        std::iter::empty()
    }
}
