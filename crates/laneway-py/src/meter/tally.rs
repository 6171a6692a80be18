//! The sums of an account.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

use super::clock::monotonic_ns;

/// The name that steps are billed under, as a number that fits into an atomic.
///
/// Names are kept for ever: they are those of tasks, not of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Label(u64);

/// The numbers of the names.
static NUMBERS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

/// The names by their numbers, in blocks of 1, 2, 4 and so on.
///
/// Threads without the GIL read them, so there is no lock to read them under: one that is held at
/// the moment of a fork is held for ever in the child.
static NAMES: [OnceLock<Box<[OnceLock<String>]>>; 32] = [const { OnceLock::new() }; 32];

/// The block of a number, and its place there.
fn place_of(number: u64) -> Option<(usize, usize)> {
    let place = usize::try_from(number).ok()?.checked_add(1)?;
    let block = place.ilog2();
    Some((usize::try_from(block).ok()?, place - (1 << block)))
}

impl Label {
    /// The label of a name.
    ///
    /// The GIL is held throughout (that is what `_py` proves), so no `os.fork` can copy a locked
    /// mutex, or a block that is being made.
    pub(crate) fn of(_py: Python<'_>, name: &str) -> Self {
        let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.get(name) {
            return Self(*number);
        }
        let number = numbers.len() as u64;
        numbers.insert(name.to_owned(), number);
        if let Some((block, place)) = place_of(number) {
            let make = || (0..1_usize << block).map(|_| OnceLock::new()).collect();
            let names = NAMES.get(block).map(|names| names.get_or_init(make));
            if let Some(at) = names.and_then(|names| names.get(place)) {
                at.get_or_init(|| name.to_owned());
            }
        }
        Self(number)
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        let place = place_of(self.0);
        let name = place.and_then(|(block, place)| NAMES.get(block)?.get()?.get(place)?.get());
        name.cloned().unwrap_or_default()
    }

    /// Its number, to be published.
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// The label that was published as this number.
    pub(crate) fn numbered(number: u64) -> Self {
        Self(number)
    }
}

/// What one step took, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StepTime {
    pub(crate) wall: u64,
    pub(crate) cpu: u64,
    pub(crate) run_delay: u64,
}

impl StepTime {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
            run_delay: self.run_delay + other.run_delay,
        }
    }

    /// What is left without `other`.
    pub(super) fn without(self, other: Self) -> Self {
        Self {
            wall: self.wall.saturating_sub(other.wall),
            cpu: self.cpu.saturating_sub(other.cpu),
            run_delay: self.run_delay.saturating_sub(other.run_delay),
        }
    }
}

/// Who is told when the coroutine of an account has ended.
pub(crate) trait Sink: fmt::Debug + Send + Sync {
    /// It has ended, with an exception of this type if it raised one.
    fn ended(&self, tally: &Tally, error: Option<&str>);
}

/// The sums of an account.
///
/// Steps are billed by threads that hold the GIL, so that no two are billed at once; the atomics
/// are there for readers without it, and cost no more than plain numbers.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) label: Label,
    /// What the owner of the account knows it by.
    pub(crate) key: u64,
    sink: Option<Arc<dyn Sink>>,
    /// Where the sink keeps it, plus one; zero if it does not.
    place: AtomicUsize,
    started_at: AtomicU64,
    ended_at: AtomicU64,
    /// When its last step ended; zero while there is none.
    stepped_at: AtomicU64,
    steps: AtomicU64,
    wall: AtomicU64,
    cpu: AtomicU64,
    run_delay: AtomicU64,
    longest: AtomicU64,
    /// The first step that is within no other one, with all steps within it; plus one, and zero
    /// while there is none.
    first: AtomicU64,
    /// The bits of a floating-point number, in square nanoseconds.
    squares: AtomicU64,
}

/// The sums at one moment, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    /// From the first step to the end, or to now.
    pub(super) wall: u64,
    /// When it ended; zero while it has not.
    pub(super) ended_at: u64,
    /// All steps together.
    pub(super) steps: u64,
    pub(super) in_steps: StepTime,
    /// The longest step, without its wait for a core.
    pub(super) longest: u64,
    /// Of the steps without their waits for a core, in square nanoseconds.
    pub(super) squares: f64,
}

impl Sums {
    /// Whether no time has passed.
    pub(crate) const fn is_empty(&self) -> bool {
        self.wall == 0
    }

    /// How long before `now` it ended; zero while it has not.
    pub(crate) fn ended_ago(&self, now: u64) -> Duration {
        let ended_at = if self.ended_at == 0 { now } else { self.ended_at };
        Duration::from_nanos(now.saturating_sub(ended_at))
    }
}

impl Tally {
    pub(super) fn new(label: Label, key: u64) -> Self {
        Self {
            label,
            key,
            sink: None,
            place: AtomicUsize::new(0),
            started_at: AtomicU64::new(0),
            ended_at: AtomicU64::new(0),
            stepped_at: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            wall: AtomicU64::new(0),
            cpu: AtomicU64::new(0),
            run_delay: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            first: AtomicU64::new(0),
            squares: AtomicU64::new(0),
        }
    }

    /// Sums whose end is told to `sink`.
    pub(super) fn with_sink(label: Label, key: u64, sink: Arc<dyn Sink>) -> Self {
        Self { sink: Some(sink), ..Self::new(label, key) }
    }

    /// Who is told of its end.
    pub(super) fn sink(&self) -> Option<&dyn Sink> {
        self.sink.as_deref()
    }

    /// Notes where the sink keeps it.
    pub(super) fn keep_at(&self, place: usize) {
        self.place.store(place + 1, Relaxed);
    }

    /// Where the sink keeps it, which it does no more.
    pub(crate) fn take_place(&self) -> Option<usize> {
        let place = self.place.load(Relaxed);
        self.place.store(0, Relaxed);
        place.checked_sub(1)
    }

    /// Whether its coroutine has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.ended_at.load(Relaxed) != 0
    }

    /// Starts the account's time, unless it has started.
    #[inline]
    pub(super) fn start(&self, now: u64) {
        if self.started_at.load(Relaxed) == 0 {
            self.started_at.store(now, Relaxed);
        }
    }

    /// Ends the account's time with its last step, for now.
    pub(super) fn end(&self) {
        let at = self.stepped_at.load(Relaxed);
        self.ended_at.store(if at == 0 { monotonic_ns() } else { at }, Relaxed);
    }

    /// Adds a step that ended at `ended_at`.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "a step takes less than 104 days")]
    pub(super) fn bill(&self, step: StepTime, ended_at: u64) {
        self.stepped_at.store(ended_at, Relaxed);
        add(&self.steps, 1);
        add(&self.wall, step.wall);
        add(&self.cpu, step.cpu);
        add(&self.run_delay, step.run_delay);
        let own = step.wall.saturating_sub(step.run_delay);
        if own > self.longest.load(Relaxed) {
            self.longest.store(own, Relaxed);
        }
        let own = own as f64;
        let squares = f64::from_bits(self.squares.load(Relaxed)) + own * own;
        self.squares.store(squares.to_bits(), Relaxed);
    }

    /// Notes a step that is within no other one, with all steps within it.
    #[inline]
    pub(super) fn note_first(&self, step: StepTime) {
        if self.first.load(Relaxed) == 0 {
            self.first.store(step.wall.saturating_sub(step.run_delay) + 1, Relaxed);
        }
    }

    /// When its time started; zero while it has not.
    pub(super) fn started_at(&self) -> u64 {
        self.started_at.load(Relaxed)
    }

    /// The length of the first step, without its wait for a core; `None` while there is none.
    pub(super) fn first(&self) -> Option<u64> {
        self.first.load(Relaxed).checked_sub(1)
    }

    /// The sums; `now` counts if the account's time has not ended.
    pub(super) fn sums(&self, now: u64) -> Sums {
        let started_at = self.started_at.load(Relaxed);
        let ended_at = self.ended_at.load(Relaxed);
        let until = if ended_at == 0 { now } else { ended_at };
        let wall = if started_at == 0 { 0 } else { until.saturating_sub(started_at) };
        Sums {
            wall,
            ended_at,
            steps: self.steps.load(Relaxed),
            in_steps: StepTime {
                wall: self.wall.load(Relaxed),
                cpu: self.cpu.load(Relaxed),
                run_delay: self.run_delay.load(Relaxed),
            },
            longest: self.longest.load(Relaxed),
            squares: f64::from_bits(self.squares.load(Relaxed)),
        }
    }
}

#[inline]
fn add(sum: &AtomicU64, amount: u64) {
    sum.store(sum.load(Relaxed) + amount, Relaxed);
}
