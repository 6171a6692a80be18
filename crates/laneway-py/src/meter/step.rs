//! Timing one step, on whichever thread it runs.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::Arc;

use pyo3::prelude::*;

use super::clock::{monotonic_ns, run_delay_ns, thread_cpu_ns};
use super::presence::Mark;
use super::tally::{StepTime, Tally};
use crate::watchdog::{Beginning, Owner, Slot};

/// The CPU clock is extrapolated for as long as this after it was read, whatever happened,
const CPU_ANCHOR_NS: u64 = 100_000;

/// and for as long as this while the thread has stayed on its processor. Interrupts take time then,
/// too, which some kernels do not count, and virtual machines stand still.
const CPU_ANCHOR_STAYED_NS: u64 = 1_000_000;

/// The run-queue delay at the start of a step is taken from a reading at most this old, unless the
/// thread has stayed on its processor since.
const DELAY_ANCHOR_NS: u64 = 1_000_000;

/// A step that was off the processor for less is not worth asking the scheduler about.
const OFF_CPU_MIN_NS: u64 = 100_000;

/// What a thread knows about its clocks and about the step that it is in.
struct ThreadClock {
    /// When the CPU clock was last read, and what it said.
    wall: Cell<u64>,
    cpu: Cell<u64>,
    /// When the run-queue delay was last read, and how much it was.
    delay_read_at: Cell<u64>,
    delay: Cell<u64>,
    /// Tells whether the thread has stayed on its processor since the CPU clock was read,
    mark: Cell<Mark>,
    is_mark_known: Cell<bool>,
    /// and, if this is set, since the run-queue delay was.
    is_delay_marked: Cell<bool>,
    /// What the steps within the present step took: those of eager tasks, which begin to run while
    /// they are created, and of coroutines that are awaited with a meter of their own.
    nested: Cell<StepTime>,
    is_in_step: Cell<bool>,
    /// Where the present step is published for the watchdog; null while nobody watches.
    slot: Cell<*const Slot>,
}

const NO_TIME: StepTime = StepTime { wall: 0, cpu: 0, run_delay: 0 };

thread_local! {
    // Without a destructor, so that reaching it costs no check.
    static CLOCK: ThreadClock = const {
        ThreadClock {
            wall: Cell::new(0),
            cpu: Cell::new(0),
            delay_read_at: Cell::new(0),
            delay: Cell::new(0),
            mark: Cell::new(Mark::NONE),
            is_mark_known: Cell::new(false),
            is_delay_marked: Cell::new(false),
            nested: Cell::new(NO_TIME),
            is_in_step: Cell::new(false),
            slot: Cell::new(ptr::null()),
        }
    };
    /// Keeps alive what `CLOCK.slot` points to.
    static SLOT: RefCell<Option<Arc<Slot>>> = const { RefCell::new(None) };
}

/// Publishes this thread's steps from now on; gives the place where.
pub(crate) fn watch_this_thread(py: Python<'_>) -> Arc<Slot> {
    SLOT.with(|owner| {
        let mut owner = owner.borrow_mut();
        let slot = match owner.take() {
            Some(slot) if slot.is_here() => slot,
            Some(_) => {
                // A child that was forked within a step begins its own ones outside of it.
                CLOCK.with(|clock| {
                    clock.is_in_step.set(false);
                    clock.nested.set(NO_TIME);
                });
                Arc::new(Slot::of_this_thread(py))
            }
            None => Arc::new(Slot::of_this_thread(py)),
        };
        CLOCK.with(|clock| clock.slot.set(Arc::as_ptr(&slot)));
        *owner = Some(Arc::clone(&slot));
        slot
    })
}

/// Runs `step`, which must not unwind, and bills it.
#[inline]
pub(super) fn measured<T>(tally: &Tally, step: impl FnOnce() -> T) -> T {
    CLOCK.with(|clock| {
        let began = clock.begin();
        tally.start(began.at);
        let nested_before = clock.nested.replace(NO_TIME);
        let is_nested = clock.is_in_step.replace(true);
        let published = clock.publish(began, tally, is_nested);

        let result = step();

        let ended_at = monotonic_ns();
        let wall = ended_at - began.at;
        let cpu = clock.cpu_at(ended_at).saturating_sub(began.cpu).min(wall);
        let run_delay = clock.delay_since(began.run_delay, ended_at, wall - cpu);
        let total = StepTime { wall, cpu, run_delay };
        tally.bill(total.without(clock.nested.get()), ended_at);
        if !is_nested {
            tally.note_first(total);
        }
        clock.nested.set(nested_before.plus(total));
        clock.is_in_step.set(is_nested);
        clock.unpublish(published, total);
        result
    })
}

/// Whose step the slot told of before; nothing if nobody watches.
type Published = Option<Owner>;

impl ThreadClock {
    /// The clocks at the start of a step.
    #[inline]
    fn begin(&self) -> Beginning {
        let now = monotonic_ns();
        if !self.has_cpu_at(now) || !self.has_delay_at(now) {
            return self.begin_anew(now);
        }
        Beginning { at: now, cpu: self.extrapolated(now), run_delay: self.delay.get() }
    }

    /// Reads what is too old. The step begins after that: the readings are not its work.
    #[cold]
    fn begin_anew(&self, now: u64) -> Beginning {
        if !self.is_mark_known.replace(true) {
            self.mark.set(Mark::of_this_thread());
        }
        if !self.has_cpu_at(now) {
            self.read_cpu();
        }
        if !self.has_delay_at(now) {
            self.read_delay(now);
        }
        let now = monotonic_ns();
        Beginning { at: now, cpu: self.cpu_at(now), run_delay: self.delay.get() }
    }

    /// The thread's CPU time: read, or extrapolated.
    #[inline]
    fn cpu_at(&self, now: u64) -> u64 {
        if self.has_cpu_at(now) { self.extrapolated(now) } else { self.read_cpu() }
    }

    #[inline]
    fn extrapolated(&self, now: u64) -> u64 {
        self.cpu.get() + (now - self.wall.get())
    }

    /// Whether the CPU time at a moment follows from when it was read.
    #[inline]
    fn has_cpu_at(&self, now: u64) -> bool {
        let elapsed = now - self.wall.get();
        elapsed <= CPU_ANCHOR_NS || (elapsed <= CPU_ANCHOR_STAYED_NS && self.mark.get().stands())
    }

    #[inline]
    fn has_delay_at(&self, now: u64) -> bool {
        now - self.delay_read_at.get() <= DELAY_ANCHOR_NS
            || (self.is_delay_marked.get() && self.mark.get().stands())
    }

    #[cold]
    fn read_cpu(&self) -> u64 {
        // The mark is left before the clocks are read: whatever comes in between wipes it off.
        let mark = self.mark.get();
        if !mark.stands() {
            self.is_delay_marked.set(false);
            mark.leave();
        }
        self.wall.set(monotonic_ns());
        self.cpu.set(thread_cpu_ns());
        self.cpu.get()
    }

    #[cold]
    fn read_delay(&self, now: u64) {
        self.delay_read_at.set(now);
        self.delay.set(run_delay_ns().unwrap_or(0));
        // A mark that stands now was left before the reading.
        self.is_delay_marked.set(self.mark.get().stands());
    }

    /// The run-queue delay of a step that was `off_cpu` for so long.
    #[inline]
    fn delay_since(&self, delay: u64, now: u64, off_cpu: u64) -> u64 {
        if off_cpu < OFF_CPU_MIN_NS {
            return 0;
        }
        self.read_delay(now);
        self.delay.get().saturating_sub(delay).min(off_cpu)
    }

    #[inline]
    #[expect(unsafe_code, reason = "a reference counter would be touched at every step")]
    fn publish(&self, began: Beginning, tally: &Tally, is_nested: bool) -> Published {
        // SAFETY: the slot is kept alive by this thread's `SLOT`.
        let slot = unsafe { self.slot.get().as_ref() }?;
        let owner = Owner { label: tally.label, key: tally.key };
        Some(slot.begin(began, owner, is_nested))
    }

    #[inline]
    #[expect(unsafe_code, reason = "as above")]
    fn unpublish(&self, published: Published, total: StepTime) {
        // The slot may have come, but never goes, while the step ran.
        if let Some(around) = published
            // SAFETY: the slot is kept alive by this thread's `SLOT`.
            && let Some(slot) = unsafe { self.slot.get().as_ref() }
        {
            slot.end(around, self.is_in_step.get(), total);
        }
    }
}
