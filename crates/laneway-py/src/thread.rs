//! Threads and signals: starting our threads so that signals stay Python's, lending the interrupt
//! to a command, and raising an exception in one of Python's threads.

use std::ffi::c_long;
use std::mem::MaybeUninit;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Runs `start` with all signals blocked in this thread, so that the threads it starts inherit
/// that.
///
/// Python runs its signal handlers in the main thread only. A signal that the system delivered to a
/// thread of ours would leave a main thread that sleeps in a system call asleep.
#[expect(unsafe_code, reason = "there is no safe wrapper of pthread_sigmask")]
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both calls are given valid pointers; sigfillset initialises `all`, and a
    // pthread_sigmask that returns 0 has initialised `before`.
    let is_blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let started = start();
    if is_blocked {
        // SAFETY: `before` is initialised because the call above succeeded.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
        }
    }
    started
}

/// Runs `command` with the system's own treatment of an interrupt, which ends the process.
#[expect(unsafe_code, reason = "there is no safe wrapper of signal")]
pub(crate) fn with_default_interrupt<T>(command: impl FnOnce() -> T) -> T {
    // SAFETY: no handler of ours is installed, only the system's own treatment.
    let before = unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    let answer = command();
    if before != libc::SIG_ERR {
        // SAFETY: `before` is what was installed until then, which is Python's.
        unsafe {
            libc::signal(libc::SIGINT, before);
        }
    }
    answer
}

/// Raises an exception in another Python thread at its next bytecode; false if there is none.
#[pyfunction]
#[expect(unsafe_code, reason = "PyO3 has no wrapper of PyThreadState_SetAsyncExc")]
pub(crate) fn raise_in_thread(thread: u64, exception: &Bound<'_, PyType>) -> PyResult<bool> {
    if !exception.is_subclass_of::<pyo3::exceptions::PyBaseException>()? {
        return Err(PyTypeError::new_err("`exception` must be a class of exceptions"));
    }
    let Ok(thread) = c_long::try_from(thread) else {
        return Ok(false);
    };
    // SAFETY: the GIL is held, as the borrowed class proves, and the call takes its own reference.
    let threads = unsafe { ffi::PyThreadState_SetAsyncExc(thread, exception.as_ptr()) };
    Ok(threads > 0)
}
