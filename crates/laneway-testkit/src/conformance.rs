//! What every store must do, a case a sentence.
//!
//! A store's adapter implements [`Harness`] and calls
//! [`conformance_suite!`](crate::conformance_suite), which makes each case a test of its own. Cases
//! that only some stores can meet have a [`Need`]; an adapter names those that its store cannot
//! meet in [`Harness::EXCEPTIONS`], and the suite fails when that list and the store's capabilities
//! disagree.
//!
//! ```text
//! struct InMemory { … }
//! impl laneway_testkit::conformance::Harness for InMemory { … }
//! laneway_testkit::conformance_suite!(InMemory);
//! ```

use laneway_core::id::JobId;
use laneway_core::store::{Durability, Store};

use crate::block_on::block_on;
use crate::clock::SimClock;

mod suite;
mod trial;

pub use trial::{Trial, failure, payload, queue, rate, seconds};

#[doc(hidden)]
pub mod cancel;
#[doc(hidden)]
pub mod claim;
#[doc(hidden)]
pub mod contention;
#[doc(hidden)]
pub mod enqueue;
#[doc(hidden)]
pub mod fencing;
#[doc(hidden)]
pub mod limit;
#[doc(hidden)]
pub mod ownership;
#[doc(hidden)]
pub mod profile;
#[doc(hidden)]
pub mod progress;
#[doc(hidden)]
pub mod prune;
#[doc(hidden)]
pub mod queue;
#[doc(hidden)]
pub mod read;
#[doc(hidden)]
pub mod reopen;
#[doc(hidden)]
pub mod repeat;
#[doc(hidden)]
pub mod requeue;
#[doc(hidden)]
pub mod restore;
#[doc(hidden)]
pub mod schedule;
#[doc(hidden)]
pub mod session;
#[doc(hidden)]
pub mod settle;
#[doc(hidden)]
pub mod sweep;
#[doc(hidden)]
pub mod transition;
#[doc(hidden)]
pub mod unique;
#[doc(hidden)]
pub mod unreadable;
#[doc(hidden)]
pub mod watch;
#[doc(hidden)]
pub mod wounded;

/// How the suite gets at the store under test.
pub trait Harness: Send + Sync + Sized + 'static {
    /// The store.
    type Store: Store;

    /// Names of the cases that this store cannot meet.
    const EXCEPTIONS: &'static [&'static str] = &[];

    /// The ways in which [`Harness::damage`] can break a stored job. A durable store has some.
    const DAMAGES: &'static [&'static str] = &[];

    /// A fresh, empty store that nothing else uses, and that takes its time from `clock`.
    fn open(clock: SimClock) -> Self;

    /// A handle to the store.
    fn store(&self) -> Self::Store;

    /// The same data opened once more on its own, as another process would, while the first store
    /// stays open. `None` exactly when the durability is [`Durability::Memory`].
    fn open_second(&self) -> Option<Self::Store> {
        None
    }

    /// Closes the store and opens the same data again; its handles are gone by then. `None` exactly
    /// when the durability is [`Durability::Memory`].
    fn reopen(self) -> Option<Self> {
        None
    }

    /// Breaks what is stored of a job, past the store, in one of the [`Harness::DAMAGES`] or the
    /// [`WOUNDS`]: as another program or a careless hand would. No other job is touched, but those
    /// that share its limit where this is what breaks.
    fn damage(&self, job: JobId, way: &str) {
        panic!("this store cannot break job {job} by its {way}");
    }
}

/// Its limit is deleted, see [`WOUNDS`].
pub const LIMIT_GONE: &str = "limit that is gone";

/// The permits of its limit are spent for years, see [`WOUNDS`].
pub const LIMIT_SPENT: &str = "limit that is spent";

/// Its counters of attempts hold the most that they can, see [`WOUNDS`].
pub const COUNTERS_FULL: &str = "counters that are full";

/// It waits for its limit and is deleted, but for what says that somebody waits, see [`WOUNDS`].
pub const JOB_GONE: &str = "job that is gone";

/// The further ways in which a durable store's [`Harness::damage`] breaks a job: none fails of it,
/// and what is left runs all the same. The counters are broken while the job runs.
pub const WOUNDS: [&str; 4] = [LIMIT_GONE, LIMIT_SPENT, COUNTERS_FULL, JOB_GONE];

/// What a store must be able to do for a case to make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its data outlives the process, and other processes can open it.
    Durable,
    /// Besides, a wake names jobs that another process settled.
    NamesFinished,
}

/// The cases that go beyond one process: the exceptions of a store that lives in one. A durable
/// store meets them all, but for the one that also needs [`Need::NamesFinished`].
pub const BEYOND_ONE_PROCESS: &[&str] = &[
    "a_new_job_rings_in_another_process",
    "the_wish_to_cancel_rings_in_another_process",
    "the_end_of_a_job_rings_in_another_process",
    NAMED_IN_ANOTHER_PROCESS,
    "no_job_is_claimed_twice_by_several_processes",
    "acknowledged_jobs_outlive_the_process_in_their_order",
    "ends_outlive_the_process",
    "a_session_and_its_jobs_outlive_the_process",
    "budgets_keys_and_pauses_outlive_the_process",
    "another_process_sees_and_takes_the_same_jobs",
];

const NAMED_IN_ANOTHER_PROCESS: &str = "the_end_of_a_job_is_named_in_another_process";

impl Need {
    fn of(case: &str) -> Option<Self> {
        match case {
            NAMED_IN_ANOTHER_PROCESS => Some(Self::NamesFinished),
            _ => BEYOND_ONE_PROCESS.contains(&case).then_some(Self::Durable),
        }
    }

    fn is_met_by(self, store: &impl Store) -> bool {
        let capabilities = store.capabilities();
        match self {
            Self::Durable => capabilities.durability > Durability::Memory,
            Self::NamesFinished => Self::Durable.is_met_by(store) && capabilities.names_finished,
        }
    }
}

/// Runs one case on a fresh store, or checks that the store is rightly excused from it.
pub fn run<H: Harness, F: Future<Output = ()>>(name: &str, case: impl FnOnce(Trial<H>) -> F) {
    let clock = SimClock::new();
    let harness = H::open(clock.clone());
    let need = Need::of(name);
    let is_met = need.is_none_or(|need| need.is_met_by(&harness.store()));
    let is_excused = H::EXCEPTIONS.contains(&name);
    assert_eq!(
        is_excused, !is_met,
        "`{name}` needs {need:?}: the adapter's EXCEPTIONS and the store's capabilities disagree"
    );
    if is_met {
        block_on(async { case(Trial::start(harness, clock).await).await });
    }
}

/// Checks that every excused case exists.
pub fn check_exceptions<H: Harness>(cases: &[&str]) {
    for name in H::EXCEPTIONS {
        assert!(cases.contains(name), "`{name}` in EXCEPTIONS is not a case of the suite");
    }
}
