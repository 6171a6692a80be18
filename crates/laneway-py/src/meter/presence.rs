//! Whether a thread has stayed on its processor, as the kernel tells it without a system call.
//!
//! Linux lets a thread note, in memory that it shares with the kernel (`struct rseq`), which few
//! instructions of its are to be restarted when it loses its processor. Whenever the thread has
//! been off its processor, was moved to another one, or gets a signal, the kernel looks at that
//! note; if the thread is not within those instructions, it wipes the note off. We note
//! instructions that nobody ever runs: as long as the note stands, the thread has been on its
//! processor, its run-queue delay has not grown, and its CPU clock has run with the wall's, but for
//! interrupts and for what a virtual machine's host took, where the kernel does not count that.
//!
//! The C library registers that memory for every thread, and says where it lies. Some kernels do
//! not look at the note after a system call (6.19, for one, and maybe later ones for a C library
//! that asks for it), so what the kernel does is tried out, once a process, by a few short sleeps.
//! Where the memory is missing or the kernel does otherwise, no mark ever stands.

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
pub(super) use restartable::Mark;
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
pub(super) use unknown::Mark;

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod restartable {
    #![expect(unsafe_code, reason = "the memory is shared with the kernel")]

    use std::ffi::CStr;
    use std::ptr;
    use std::sync::atomic::Ordering::{Relaxed, SeqCst};
    use std::sync::atomic::{AtomicI32, AtomicIsize, AtomicU32, AtomicU64, compiler_fence};

    // The instructions of the note are one that faults, and nothing refers to it but the note, so
    // no thread is ever within it. The kernel would continue one that was at `laneway_rseq_abort`;
    // before that it wants the signature with which the C library registers.
    core::arch::global_asm!(
        ".pushsection .text.laneway_rseq, \"ax\", @progbits",
        ".hidden laneway_rseq_start",
        ".globl laneway_rseq_start",
        "laneway_rseq_start:",
        "ud2",
        ".byte 0x0f, 0xb9, 0x3d",
        ".long 0x53053053",
        ".hidden laneway_rseq_abort",
        ".globl laneway_rseq_abort",
        "laneway_rseq_abort:",
        "ud2",
        ".popsection",
    );

    unsafe extern "C" {
        static laneway_rseq_start: u8;
        static laneway_rseq_abort: u8;
    }

    /// The length of the one instruction, `ud2`.
    const LENGTH: u64 = 2;

    /// `struct rseq_cs`, as the kernel reads it.
    #[repr(C, align(32))]
    struct Note {
        version: u32,
        flags: u32,
        start: *const u8,
        length: u64,
        abort: *const u8,
    }

    // SAFETY: nobody writes to it.
    unsafe impl Sync for Note {}

    /// It is there for as long as the process, since Python unloads no extension: so no thread has
    /// to take its mark away before it ends.
    static NOTE: Note = Note {
        version: 0,
        flags: 0,
        start: &raw const laneway_rseq_start,
        length: LENGTH,
        abort: &raw const laneway_rseq_abort,
    };

    fn note() -> u64 {
        (&raw const NOTE).addr() as u64
    }

    /// The start of `struct rseq`.
    #[repr(C)]
    struct Registered {
        processor_at_start: AtomicU32,
        /// Negative in a thread that is not registered.
        processor: AtomicI32,
        /// The address of the note.
        note: AtomicU64,
    }

    /// From the thread pointer to `struct rseq`, where marks are to be had.
    static OFFSET: AtomicIsize = AtomicIsize::new(UNASKED);
    const UNASKED: isize = isize::MIN;
    const NOWHERE: isize = isize::MAX;

    /// In so many of so many trials a sleep must wipe the mark off. One alone can do it by chance
    /// where sleeps do not: when the thread is interrupted beside it. And one can leave it where
    /// they do: when the time is over before another thread was found for the processor.
    const WIPED_MIN: usize = 2;
    const TRIALS: usize = 4;

    /// What the present thread leaves to see whether it stays on its processor. Of the thread that
    /// asked for it only, which the pointer sees to.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Mark(*const AtomicU64);

    impl Mark {
        /// One that never stands.
        pub(crate) const NONE: Self = Self(ptr::null());

        /// That of the present thread. The first call in a process takes some 0.2 ms.
        pub(crate) fn of_this_thread() -> Self {
            // Two threads that come here at once both try it out, which does no harm; a lock would
            // be copied by a fork.
            let known = OFFSET.load(Relaxed);
            let offset = if known == UNASKED { tried_out() } else { known };
            if offset == NOWHERE { Self::NONE } else { Self::at(offset) }
        }

        /// That of the present thread, if it is registered with the kernel.
        fn at(offset: isize) -> Self {
            // SAFETY: the C library has said that every thread has a `struct rseq` there.
            let registered = unsafe { &*thread_pointer().byte_offset(offset) };
            let Registered { processor_at_start: _, processor, note } = registered;
            if processor.load(Relaxed) >= 0 { Self(note) } else { Self::NONE }
        }

        fn place(&self) -> Option<&AtomicU64> {
            // SAFETY: it is null, or memory of the present thread, since a mark is not `Send`.
            unsafe { self.0.as_ref() }
        }

        /// Leaves it; false if that cannot be. Another library's note stays: the kernel will wipe
        /// it off, or else that library uses its own all the time.
        pub(crate) fn leave(self) -> bool {
            let Some(place) = self.place() else { return false };
            let found = place.load(Relaxed);
            if found == 0 {
                place.store(note(), Relaxed);
            }
            // What is read next is read after it.
            compiler_fence(SeqCst);
            found == 0 || found == note()
        }

        /// Whether the thread has been on its processor since it left the mark.
        #[inline]
        pub(crate) fn stands(self) -> bool {
            compiler_fence(SeqCst);
            self.place().is_some_and(|place| place.load(Relaxed) == note())
        }

        fn wipe(self) {
            if self.stands()
                && let Some(place) = self.place()
            {
                place.store(0, Relaxed);
            }
        }
    }

    fn thread_pointer() -> *const Registered {
        let pointer;
        // SAFETY: on this system the thread pointer's first word is the thread pointer.
        unsafe {
            core::arch::asm!(
                "mov {}, fs:0",
                out(reg) pointer,
                options(nostack, preserves_flags, readonly),
            );
        }
        pointer
    }

    /// A variable of the C library, which an older one does not have.
    fn variable<T: Copy>(name: &CStr) -> Option<T> {
        // SAFETY: the name is a string of C, and what it names in any C library that has it is a
        // constant of the type that the caller says.
        unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()).cast::<T>().as_ref().copied() }
    }

    #[cold]
    fn tried_out() -> isize {
        let offset = usable_offset().unwrap_or(NOWHERE);
        OFFSET.store(offset, Relaxed);
        offset
    }

    fn usable_offset() -> Option<isize> {
        let is_registered = variable::<u32>(c"__rseq_size")? > 0;
        let offset = is_registered.then(|| variable::<isize>(c"__rseq_offset")).flatten()?;
        // SAFETY: the function lives as long as the process, and does what a child may do.
        if unsafe { libc::pthread_atfork(None, None, Some(wipe_in_child)) } != 0 {
            return None;
        }
        let mark = Mark::at(offset);
        let sleep_wipes_it = || {
            let left = mark.leave();
            sleep();
            left && !mark.stands()
        };
        let wiped = (0..TRIALS).filter(|_| sleep_wipes_it()).take(WIPED_MIN).count();
        mark.wipe();
        (wiped == WIPED_MIN).then_some(offset)
    }

    /// As short as can be, but off the processor.
    fn sleep() {
        let moment = libc::timespec { tv_sec: 0, tv_nsec: 1 };
        // SAFETY: the time is valid, and no rest of it is asked for.
        unsafe {
            libc::nanosleep(&raw const moment, ptr::null_mut());
        }
    }

    /// The thread of a forked child has a copy of the mark, but another CPU clock.
    extern "C" fn wipe_in_child() {
        let offset = OFFSET.load(Relaxed);
        if offset != UNASKED && offset != NOWHERE {
            Mark::at(offset).wipe();
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
mod unknown {
    /// No mark: here nothing tells it.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Mark;

    impl Mark {
        pub(crate) const NONE: Self = Self;

        pub(crate) fn of_this_thread() -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as where there are marks")]
        pub(crate) fn leave(self) -> bool {
            false
        }

        #[expect(clippy::unused_self, reason = "as where there are marks")]
        pub(crate) fn stands(self) -> bool {
            false
        }
    }
}
