//! The verdict for a script: which lane the rest of the items of one call should take.
//!
//! A task is judged by what a run costs while any number of them are wanted. A script has so many
//! items and then ends, so what counts here is when the last one is done, and a lane has to earn
//! the price of its start. Waiting for a core counts as computing: it goes away in no lane.

use super::thresholds::{
    CORES_USED_RELEASED, GAIN_MIN, MANY_WAITS, RUN_DELAY_SHARE, SCRIPT_CHUNK, SCRIPT_PROCESS_ITEM,
    SCRIPT_PROCESS_ROUND_TRIP, SCRIPT_SAVED_MIN, SCRIPT_THREAD_DISPATCH, SCRIPT_THREAD_START,
    SCRIPT_THREADS_MIN, SCRIPT_WIDTH_MARGIN,
};
use crate::profile::nanos::approximate;

/// The most threads for one script.
pub const THREADS_MAX: u64 = whole(MANY_WAITS);

/// Threads that use more cores than this let go of the GIL.
pub const CORES_USED_FREE: f64 = CORES_USED_RELEASED;

/// Whether a function keeps the GIL while it computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gil {
    /// It was seen to keep it.
    Held,
    /// It was seen to let go of it.
    Free,
    /// Nobody looked.
    Unknown,
}

/// What is known when a lane is chosen; times are seconds an item.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Items that were run.
    pub seen: u64,
    /// Items that are left; `None` if nobody knows.
    pub left: Option<u64>,
    /// From the start of an item to its end.
    pub wall: f64,
    /// Computing.
    pub cpu: f64,
    /// Waiting for a core.
    pub queued: f64,
    /// Whether the function keeps the GIL.
    pub gil: Gil,
    /// Cores that this process may use.
    pub cores: u64,
    /// The most items at once, as the caller says.
    pub concurrency: Option<u64>,
    /// Between two starts, by the rate; 0 without one.
    pub interval: f64,
    /// Pickling the argument and the result, there and back.
    pub pickled: f64,
    /// Starting a process.
    pub process_start: f64,
    /// Whether processes can be used at all.
    pub has_processes: bool,
}

/// Where items run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the thread of the caller: no lane is needed.
    Inline,
    /// In threads.
    Thread,
    /// In processes.
    Process,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// An item waits for half of its time or longer.
    Waits,
    /// An item waits for less than half of its time, and that is worth threads.
    WaitsInPart,
    /// An item computes, and was seen to do so without the GIL.
    LetsGoOfTheGil,
    /// An item computes.
    Computes,
    /// Processes would pay, but cannot be used.
    NoProcesses,
    /// The rate decides how long it takes.
    Rate,
    /// No lane would make it shorter by enough.
    Small,
    /// As `Small`, and the host has too few cores for what runs on it.
    StarvedHost,
}

/// The lane for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Where they run.
    pub place: Place,
    /// Items at once.
    pub width: u64,
    /// Why.
    pub reason: Reason,
}

/// Chooses the lane for the rest of the items.
pub fn choose(facts: &Facts) -> Choice {
    // If nobody knows how many are left, as many again is the best guess.
    let left = facts.left.unwrap_or_else(|| facts.seen.max(1));
    let by_rate = approximate(left) * facts.interval;
    let inline = by_rate.max(approximate(left) * facts.wall);
    let threads = facts.threads();
    let in_threads = by_rate.max(facts.time_in_threads(left, threads));
    let cores = facts.cores.max(1);
    let processes = facts.concurrency.unwrap_or(cores).min(cores).clamp(1, left.max(1));
    let in_processes = by_rate.max(facts.time_in_processes(left, processes));
    if !facts.has_processes || in_processes * GAIN_MIN > in_threads {
        if pays(inline, in_threads) {
            let reason = facts.reason_for_threads();
            return Choice { place: Place::Thread, width: threads, reason };
        }
    } else if pays(inline, in_processes) {
        return Choice { place: Place::Process, width: processes, reason: Reason::Computes };
    }
    let is_hindered = !facts.has_processes && processes > 1 && pays(inline, in_processes);
    let reason = if is_hindered {
        Reason::NoProcesses
    } else if facts.interval > facts.wall && left > 0 {
        Reason::Rate
    } else if facts.wall > 0.0 && facts.queued > RUN_DELAY_SHARE * facts.wall {
        Reason::StarvedHost
    } else {
        Reason::Small
    };
    Choice { place: Place::Inline, width: 1, reason }
}

/// How many items travel to a process together, of `left` that go to `width` processes.
pub fn chunk_of(seconds_per_item: f64, left: Option<u64>, width: u64) -> u64 {
    let fill = whole((SCRIPT_CHUNK / seconds_per_item.max(1e-7)).round()).max(1);
    // A quarter of a fair share at most, so that the last chunks do not keep one process busy
    // alone.
    left.map_or(fill, |left| fill.min(left / width.saturating_mul(4).max(1)).max(1))
}

fn pays(inline: f64, other: f64) -> bool {
    inline >= other * GAIN_MIN && inline - other >= SCRIPT_SAVED_MIN
}

/// A number that is not negative, without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float ends at the bound of the integer"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

impl Facts {
    fn computing(&self) -> f64 {
        self.cpu + self.queued
    }

    /// As many threads as the work can keep busy.
    fn threads(&self) -> u64 {
        let busy = self.cpu + SCRIPT_THREAD_DISPATCH;
        let mut useful = (SCRIPT_WIDTH_MARGIN * self.wall / busy).ceil();
        let is_free = self.gil == Gil::Free;
        if is_free {
            useful = useful.max(approximate(self.cores));
        }
        if self.interval > 0.0 {
            // Twice what the rate needs, for items that take longer than those that were seen.
            useful = useful.min((2.0 * self.wall / self.interval).ceil() + 1.0);
        }
        let fitting = whole(useful.clamp(SCRIPT_THREADS_MIN, MANY_WAITS));
        let computes_freely = is_free && self.computing() > self.wall / 2.0;
        let width = if computes_freely { self.cores } else { fitting };
        let width = self.concurrency.unwrap_or(width);
        self.left.map_or(width, |left| width.min(left)).max(1)
    }

    fn time_in_threads(&self, left: u64, width: u64) -> f64 {
        let computing = match self.gil {
            Gil::Free => self.computing() / approximate(self.cores.min(width).max(1)),
            Gil::Held | Gil::Unknown => self.computing(),
        };
        let rounds = approximate(left.div_ceil(width)) * self.wall;
        let hops = approximate(left) * SCRIPT_THREAD_DISPATCH;
        let starts = approximate(width) * SCRIPT_THREAD_START;
        rounds.max(approximate(left) * computing) + hops + starts
    }

    fn time_in_processes(&self, left: u64, width: u64) -> f64 {
        let chunks = approximate(left) / approximate(chunk_of(self.wall, Some(left), width));
        let hops = approximate(left) * (self.pickled + SCRIPT_PROCESS_ITEM);
        let rounds = approximate(left.div_ceil(width)) * self.wall;
        let starts = approximate(width) * self.process_start;
        rounds + hops + chunks * SCRIPT_PROCESS_ROUND_TRIP + starts
    }

    fn reason_for_threads(&self) -> Reason {
        let waiting = (self.wall - self.computing()).max(0.0);
        if waiting >= self.wall / 2.0 {
            Reason::Waits
        } else if self.gil == Gil::Free {
            Reason::LetsGoOfTheGil
        } else {
            Reason::WaitsInPart
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts {
        Facts {
            seen: 1,
            left: Some(99),
            wall: 0.1,
            cpu: 0.0,
            queued: 0.0,
            gil: Gil::Unknown,
            cores: 4,
            concurrency: None,
            interval: 0.0,
            pickled: 0.0,
            process_start: 0.01,
            has_processes: true,
        }
    }

    fn choice(place: Place, width: u64, reason: Reason) -> Choice {
        Choice { place, width, reason }
    }

    #[test]
    fn what_waits_goes_to_threads_and_what_computes_to_processes() {
        let waits = choose(&Facts { cpu: 0.001, ..facts() });
        assert_eq!(waits, choice(Place::Thread, 64, Reason::Waits));
        let computing = Facts { cpu: 0.1, gil: Gil::Held, ..facts() };
        assert_eq!(choose(&computing), choice(Place::Process, 4, Reason::Computes));
        let free = choose(&Facts { gil: Gil::Free, ..computing });
        assert_eq!(free, choice(Place::Thread, 4, Reason::LetsGoOfTheGil));
        let hindered = choose(&Facts { has_processes: false, ..computing });
        assert_eq!(hindered, choice(Place::Inline, 1, Reason::NoProcesses));
    }

    /// Threads let others compute while it waits; nobody saw it let go of the GIL to compute.
    #[test]
    fn only_what_was_seen_to_let_go_of_the_gil_is_said_to() {
        let mixed = Facts { cpu: 0.06, ..facts() };
        for (gil, reason) in [
            (Gil::Unknown, Reason::WaitsInPart),
            (Gil::Held, Reason::WaitsInPart),
            (Gil::Free, Reason::LetsGoOfTheGil),
        ] {
            let choice = choose(&Facts { gil, has_processes: false, ..mixed });
            assert_eq!((choice.place, choice.reason), (Place::Thread, reason), "{gil:?}");
        }
    }

    #[test]
    fn what_is_small_or_held_up_elsewhere_needs_no_lane() {
        let trivial = Facts { wall: 1e-7, cpu: 1e-7, left: Some(1_000_000), ..facts() };
        assert_eq!(choose(&trivial), choice(Place::Inline, 1, Reason::Small));
        let starved = Facts { queued: 0.08, cpu: 0.02, cores: 1, ..facts() };
        assert_eq!(choose(&starved), choice(Place::Inline, 1, Reason::StarvedHost));
        let paced = Facts { wall: 0.01, interval: 0.5, ..facts() };
        assert_eq!(choose(&paced), choice(Place::Inline, 1, Reason::Rate));
    }

    #[test]
    fn a_chunk_pays_for_its_round_trip_and_leaves_work_for_others() {
        assert_eq!(chunk_of(1.0, Some(1_000), 2), 1);
        assert_eq!(chunk_of(1e-5, None, 2), 1_000);
        assert_eq!(chunk_of(1e-5, Some(80), 2), 10);
        assert_eq!(chunk_of(0.0, Some(0), 2), 1);
    }

    proptest! {
        /// A wait for a core is no wait: no threads are started for it.
        #[test]
        fn a_busy_host_starts_no_threads(share in 0.0..1.0_f64, cores in 1_u64..64) {
            let wall = facts().wall;
            let facts = Facts { cpu: share * wall, queued: (1.0 - share) * wall, cores, ..facts() };
            prop_assert_ne!(choose(&facts).place, Place::Thread);
        }

        #[test]
        fn the_bounds_of_the_caller_and_of_the_items_are_kept(
            wall in 1e-7..10.0_f64,
            share in 0.0..1.0_f64,
            left in prop::option::of(0_u64..10_000),
            concurrency in prop::option::of(1_u64..100),
            cores in 1_u64..64,
        ) {
            let facts = Facts { wall, cpu: share * wall, left, concurrency, cores, ..facts() };
            let width = choose(&facts).width;
            prop_assert!(width >= 1);
            prop_assert!(width <= concurrency.unwrap_or(u64::MAX));
            prop_assert!(width <= left.unwrap_or(u64::MAX).max(1));
        }
    }
}
