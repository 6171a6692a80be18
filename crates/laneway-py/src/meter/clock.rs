//! The clocks of the operating system, in nanoseconds.

/// The wall's clock: monotonic, and the same in all threads.
pub(crate) fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// The CPU time of this thread. It costs a system call.
pub(crate) fn thread_cpu_ns() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The CPU time of all threads of this process.
pub(crate) fn process_cpu_ns() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

#[expect(unsafe_code, reason = "the safe wrapper checks what cannot fail, at a price")]
fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer. These clocks always exist; if one did not,
    // the answer would stay zero.
    unsafe {
        libc::clock_gettime(clock, &raw mut time);
    }
    timespec_ns(time)
}

pub(super) fn timespec_ns(time: libc::timespec) -> u64 {
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// The CPU time of the child processes that have ended and were waited for.
#[expect(unsafe_code, reason = "there is no safe wrapper of getrusage")]
pub(super) fn children_cpu_ns() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is a valid place for the answer, and zeros are a valid `rusage`.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime)
}

fn timeval_ns(time: libc::timeval) -> u64 {
    let microseconds = u64::try_from(time.tv_usec).unwrap_or(0);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + microseconds * 1_000
}

#[cfg(target_os = "linux")]
pub(super) use linux::{run_delay_in, run_delay_ns};

/// How long this thread has been ready to run without getting a processor: unknown here.
#[cfg(not(target_os = "linux"))]
pub(super) fn run_delay_ns() -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::RefCell;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use crate::process::Birthplace;
    use crate::schedstat::Schedule;

    /// The numbers that the scheduler keeps of a thread, as an open file that is read again and
    /// again.
    enum Schedstat {
        Unopened,
        /// The kernel keeps none.
        Missing,
        Open(File, Birthplace),
    }

    thread_local! {
        static SCHEDSTAT: RefCell<Schedstat> = const { RefCell::new(Schedstat::Unopened) };
    }

    /// How long this thread has been ready to run without getting a processor, if the kernel knows.
    pub(crate) fn run_delay_ns() -> Option<u64> {
        // A thread that ends has no such place any more.
        SCHEDSTAT.try_with(|schedstat| read(&mut schedstat.borrow_mut())).ok().flatten()
    }

    fn read(schedstat: &mut Schedstat) -> Option<u64> {
        // After a fork the open file still tells of the parent's thread.
        let is_mine = match schedstat {
            Schedstat::Missing => return None,
            Schedstat::Unopened => false,
            Schedstat::Open(_, process) => process.is_here(),
        };
        if !is_mine {
            *schedstat = File::open("/proc/thread-self/schedstat")
                .map_or(Schedstat::Missing, |file| Schedstat::Open(file, Birthplace::here()));
        }
        let Schedstat::Open(file, _) = schedstat else {
            return None;
        };
        let mut text = [0; 80];
        let length = file.read_at(&mut text, 0).ok()?;
        run_delay_in(text.get(..length)?)
    }

    /// The run-queue delay in the file's text. No running thread has never been on a processor,
    /// unless the kernel does not count.
    pub(crate) fn run_delay_in(text: &[u8]) -> Option<u64> {
        let schedule = Schedule::read(text)?;
        (schedule.cpu > 0).then_some(schedule.run_delay)
    }
}
