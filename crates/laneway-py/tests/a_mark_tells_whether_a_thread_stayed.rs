//! The mark of `meter/presence.rs` on the kernel that runs the test: what wipes it off, and that it
//! never stands when the thread has been off its processor, which the kernel counts.
//!
//! The clocks would not do as a witness: a virtual machine that stands still stops the one of them.
//! Where the kernel offers no mark there is nothing to see, and each test says so.

#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
#![expect(unsafe_code, reason = "forks, signals and processors have no safe wrappers")]

#[path = "../src/meter/presence.rs"]
mod presence;

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use presence::Mark;

const MS: Duration = Duration::from_millis(1);

/// How often this thread has left its processor.
fn departures() -> i64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is a valid place for the answer, and zeros are a valid `rusage`.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    usage.ru_nvcsw + usage.ru_nivcsw
}

/// Leaves the mark, does something, and gives whether the mark stands; then the thread is sure to
/// have been on its processor.
fn stays(mark: Mark, act: impl FnOnce()) -> bool {
    assert!(mark.leave());
    let before = departures();
    act();
    let left = departures() - before;
    let stands = mark.stands();
    assert!(!stands || left == 0, "it has left its processor {left} times");
    stands
}

#[expect(clippy::disallowed_methods, reason = "what is seen is seen by the real clock")]
fn compute(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Whether the mark tells of a short sleep. It need not if no other thread was found for the
/// processor in that time.
#[expect(clippy::disallowed_methods, reason = "to sleep is what is tested")]
fn sees_a_sleep(mark: Mark) -> bool {
    !stays(mark, || std::thread::sleep(MS))
}

/// That of this thread, if there is one.
#[expect(clippy::print_stdout, reason = "a test that saw nothing says so")]
fn mark() -> Option<Mark> {
    let mark = Mark::of_this_thread();
    let is_usable = mark.leave();
    if !is_usable {
        println!("this kernel or C library offers no mark");
    }
    is_usable.then_some(mark)
}

/// Computes so many times for so long; gives how often the mark stood.
fn stretches(mark: Mark, count: u32, time: Duration) -> u32 {
    (0..count).map(|_| u32::from(stays(mark, || compute(time)))).sum()
}

#[test]
fn a_sleep_wipes_it_off() {
    let Some(mark) = mark() else { return };
    assert!((0..100).filter(|_| sees_a_sleep(mark)).count() > 50);
}

#[test]
fn a_thread_that_computes_keeps_it() {
    let Some(mark) = mark() else { return };
    assert!(stretches(mark, 300, MS) > 0);
}

#[test]
fn a_call_that_does_not_sleep_keeps_it() {
    let Some(mark) = mark() else { return };
    let mut kept = 0;
    for _ in 0..100 {
        kept += u32::from(stays(mark, || drop(std::env::current_dir())));
    }
    assert!(kept > 0);
}

/// Sets the processors on which the present thread runs.
fn pin_to_first() {
    // SAFETY: zeros are an empty set, and both calls are given its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of::<libc::cpu_set_t>();
        assert_eq!(libc::sched_getaffinity(0, size, &raw mut set), 0);
        let slots = 8 * size;
        let first = (0..slots).find(|slot| libc::CPU_ISSET(*slot, &set)).unwrap_or(0);
        libc::CPU_ZERO(&mut set);
        libc::CPU_SET(first, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size, &raw const set), 0);
    }
}

#[test]
fn a_thread_that_shares_its_processor_is_not_taken_to_have_stayed() {
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    let hog = std::thread::spawn(|| {
        pin_to_first();
        while !IS_OVER.load(Relaxed) {
            std::hint::spin_loop();
        }
    });
    let shared = std::thread::spawn(|| {
        pin_to_first();
        let Some(mark) = mark() else { return };
        stretches(mark, 100, MS * 5);
        // For so long no thread is kept off.
        assert!(!stays(mark, || compute(MS * 1_000)));
    });
    let ended = shared.join();
    IS_OVER.store(true, Relaxed);
    hog.join().unwrap();
    ended.unwrap();
}

#[test]
fn many_threads_have_one_each() {
    let threads: Vec<_> = (0..32)
        .map(|_| {
            std::thread::spawn(|| {
                let Some(mark) = mark() else { return };
                stretches(mark, 20, MS);
                assert!((0..20).filter(|_| sees_a_sleep(mark)).count() > 10);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_signal_is_survived() {
    static SIGNALS: AtomicU64 = AtomicU64::new(0);
    extern "C" fn count(_: libc::c_int) {
        SIGNALS.fetch_add(1, Relaxed);
    }
    let Some(mark) = mark() else { return };
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: the handler does what a handler may.
    unsafe { libc::signal(libc::SIGURG, handler as libc::sighandler_t) };
    // SAFETY: it takes nothing.
    let thread = unsafe { libc::pthread_self() };
    let sender = std::thread::spawn(move || {
        for _ in 0..2_000 {
            // SAFETY: the thread lives until this one has been waited for.
            unsafe { libc::pthread_kill(thread, libc::SIGURG) };
            compute(MS / 20);
        }
    });
    while !sender.is_finished() {
        stretches(mark, 10, MS / 4);
    }
    sender.join().unwrap();
    assert!(SIGNALS.load(Relaxed) > 0);
}

#[test]
fn a_forked_child_has_none_until_it_leaves_one() {
    let Some(mark) = mark() else { return };
    for _ in 0..50 {
        assert!(mark.leave());
        // SAFETY: the child calls nothing that another thread may have locked.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_free = !mark.stands();
            let sees = || (0..3).any(|_| sees_a_sleep(mark));
            let is_right = is_free && std::panic::catch_unwind(sees).unwrap_or(false);
            // SAFETY: it ends the child without its parent's exit handlers.
            unsafe { libc::_exit(i32::from(!is_right)) };
        }
        let mut status = -1;
        // SAFETY: `status` is a valid place for the answer.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
    }
}
