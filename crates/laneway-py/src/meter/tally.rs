//! The sums of an account.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name that steps are billed under, as a number that fits into an atomic.
///
/// Names are kept for ever: they are those of tasks, not of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Label(u64);

static LABELS: Mutex<Option<Labels>> = Mutex::new(None);

#[derive(Default)]
struct Labels {
    names: Vec<String>,
    numbers: HashMap<String, u64>,
}

fn labels() -> MutexGuard<'static, Option<Labels>> {
    LABELS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Label {
    /// The label of a name.
    pub(crate) fn of(name: &str) -> Self {
        let mut labels = labels();
        let labels = labels.get_or_insert_default();
        if let Some(number) = labels.numbers.get(name) {
            return Self(*number);
        }
        let number = labels.names.len() as u64;
        labels.names.push(name.to_owned());
        labels.numbers.insert(name.to_owned(), number);
        Self(number)
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        let labels = labels();
        let names = labels.as_ref().map_or(&[][..], |labels| &labels.names);
        usize::try_from(self.0).ok().and_then(|place| names.get(place)).cloned().unwrap_or_default()
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
    started_at: AtomicU64,
    ended_at: AtomicU64,
    steps: AtomicU64,
    wall: AtomicU64,
    cpu: AtomicU64,
    run_delay: AtomicU64,
    longest: AtomicU64,
    /// The bits of a floating-point number, in square nanoseconds.
    squares: AtomicU64,
}

/// The sums at one moment, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    /// From the first step to the end, or to now.
    pub(super) wall: u64,
    /// All steps together.
    pub(super) steps: u64,
    pub(super) in_steps: StepTime,
    pub(super) longest: u64,
    /// In square nanoseconds.
    pub(super) squares: f64,
}

impl Tally {
    pub(super) fn new(label: Label, key: u64) -> Self {
        Self {
            label,
            key,
            sink: None,
            started_at: AtomicU64::new(0),
            ended_at: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            wall: AtomicU64::new(0),
            cpu: AtomicU64::new(0),
            run_delay: AtomicU64::new(0),
            longest: AtomicU64::new(0),
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

    /// Whether its coroutine has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended_at.load(Relaxed) != 0
    }

    /// Starts the account's time, unless it has started.
    pub(super) fn start(&self, now: u64) {
        if self.started_at.load(Relaxed) == 0 {
            self.started_at.store(now, Relaxed);
        }
    }

    /// Ends the account's time, for now.
    pub(super) fn end(&self, now: u64) {
        self.ended_at.store(now, Relaxed);
    }

    /// Adds a step.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "a step takes less than 104 days")]
    pub(super) fn bill(&self, step: StepTime) {
        add(&self.steps, 1);
        add(&self.wall, step.wall);
        add(&self.cpu, step.cpu);
        add(&self.run_delay, step.run_delay);
        if step.wall > self.longest.load(Relaxed) {
            self.longest.store(step.wall, Relaxed);
        }
        let wall = step.wall as f64;
        let squares = f64::from_bits(self.squares.load(Relaxed)) + wall * wall;
        self.squares.store(squares.to_bits(), Relaxed);
    }

    /// The sums; `now` counts if the account's time has not ended.
    pub(super) fn sums(&self, now: u64) -> Sums {
        let started_at = self.started_at.load(Relaxed);
        let ended_at = match self.ended_at.load(Relaxed) {
            0 => now,
            ended_at => ended_at,
        };
        let wall = if started_at == 0 { 0 } else { ended_at.saturating_sub(started_at) };
        Sums {
            wall,
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
