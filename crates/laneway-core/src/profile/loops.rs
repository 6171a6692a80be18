//! On which event loops attempts ran, and from when to when: what shares of a loop's time refer to.
//!
//! Several workers, and a runner beside the one that replaces it, have a loop each. Their steps
//! add up to more than the time that has passed, but never to more than all of their loops had.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;
use crate::clock::Timestamp;

/// The most loops that a profile tells apart: the last ones that ran.
pub const LOOPS_MAX: usize = 4;

/// One event loop, told from all others of all processes by a number made up when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoopId(pub u32);

/// From the start of a loop's first attempt to the end of its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    id: LoopId,
    first_at: Timestamp,
    last_at: Timestamp,
}

/// The loops on which attempts ran.
///
/// While all fit, the order of merges does not matter. Of those that ran earlier only the time is
/// kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Loops {
    /// By their numbers.
    stretches: Vec<Stretch>,
    #[serde(with = "nanos")]
    earlier: Duration,
}

impl Loops {
    /// Adds an attempt that ran on a loop from one instant to another.
    pub fn ran(&mut self, id: LoopId, first_at: Timestamp, last_at: Timestamp) {
        self.add(Stretch { id, first_at, last_at });
        self.fold();
    }

    /// Adds the loops of the same task at another time.
    pub fn merge(&mut self, other: &Self) {
        other.stretches.iter().for_each(|stretch| self.add(*stretch));
        self.earlier = self.earlier.saturating_add(other.earlier);
        self.fold();
    }

    /// Adds the loops of another task, which are the same ones wherever they cannot be told apart.
    pub fn join(&mut self, other: &Self) {
        // Not folded: tasks are few, and each of them has few loops.
        other.stretches.iter().for_each(|stretch| self.add(*stretch));
        self.earlier = self.earlier.max(other.earlier);
    }

    /// The time that all loops together had.
    pub fn time(&self) -> Duration {
        let spans = self.stretches.iter().map(Stretch::span);
        spans.fold(self.earlier, Duration::saturating_add)
    }

    /// Whether another task ran on a loop on which this one runs now. What is not known is taken
    /// for the same loop.
    pub fn are_shared_with(&self, other: &Self) -> bool {
        let mut present = self.present().peekable();
        let is_unknown = present.peek().is_none() || other.stretches.is_empty();
        is_unknown || present.any(|stretch| !other.was_never_beside(stretch))
    }

    /// The loops in use: the last one, and those that ran on for half of its time. A worker that
    /// another one replaced ends soon after that one began.
    fn present(&self) -> impl Iterator<Item = &Stretch> {
        let last = self.stretches.iter().max_by_key(|stretch| stretch.last_at);
        let since = last.map(|last| last.last_at.minus(last.span() / 2));
        self.stretches.iter().filter(move |stretch| Some(stretch.last_at) >= since)
    }

    /// Whether no attempt can have been on another task's loop while that was.
    fn was_never_beside(&self, other: &Stretch) -> bool {
        // Of more loops the last ones are known.
        let is_all_known = self.stretches.len() < LOOPS_MAX;
        let known_since = self.stretches.iter().map(|stretch| stretch.last_at).min();
        let is_known = is_all_known || known_since.is_some_and(|since| since < other.first_at);
        is_known && self.stretches.iter().all(|stretch| stretch.id != other.id)
    }

    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.stretches.is_empty() && self.earlier.is_zero()
    }

    fn add(&mut self, new: Stretch) {
        match self.stretches.binary_search_by_key(&new.id, |known| known.id) {
            Ok(at) => {
                if let Some(known) = self.stretches.get_mut(at) {
                    known.first_at = known.first_at.min(new.first_at);
                    known.last_at = known.last_at.max(new.last_at);
                }
            }
            Err(at) => self.stretches.insert(at, new),
        }
    }

    fn fold(&mut self) {
        while self.stretches.len() > LOOPS_MAX {
            let ended = self.stretches.iter().enumerate().min_by_key(|(_, one)| one.last_at);
            let Some((at, span)) = ended.map(|(at, one)| (at, one.span())) else {
                return;
            };
            self.stretches.remove(at);
            self.earlier = self.earlier.saturating_add(span);
        }
    }
}

impl Stretch {
    fn span(&self) -> Duration {
        self.last_at.since(self.first_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn loops(runs: &[(u32, i64, i64)]) -> Loops {
        let mut loops = Loops::default();
        for &(id, first, last) in runs {
            loops.ran(LoopId(id), at(first), at(last));
        }
        loops
    }

    #[test]
    fn two_loops_side_by_side_have_twice_the_time_and_one_has_it_once() {
        assert_eq!(loops(&[(1, 0, 4), (1, 3, 10)]).time(), Duration::from_secs(10));
        assert_eq!(loops(&[(1, 0, 10), (2, 0, 10)]).time(), Duration::from_secs(20));
        assert_eq!(loops(&[(1, 0, 10), (2, 100, 110)]).time(), Duration::from_secs(20));
    }

    #[test]
    fn tasks_on_one_loop_share_its_time() {
        let mut all = loops(&[(1, 0, 6)]);
        all.join(&loops(&[(1, 4, 10)]));
        assert_eq!(all.time(), Duration::from_secs(10));
    }

    #[test]
    fn the_time_of_loops_that_no_longer_fit_is_kept() {
        let many: Vec<_> =
            (0..100).map(|id| (99 - id, i64::from(id) * 10, i64::from(id) * 10 + 5)).collect();
        let seen = loops(&many);
        assert_eq!(seen.time(), Duration::from_secs(500));
        assert_eq!(seen.stretches.len(), LOOPS_MAX);
        assert_eq!(seen.stretches.iter().map(|one| one.last_at).max(), Some(at(995)));
    }

    #[test]
    fn tasks_share_loops_when_one_was_where_the_other_runs_now() {
        let shared = |one: &[(u32, i64, i64)], other: &[(u32, i64, i64)]| {
            loops(one).are_shared_with(&loops(other))
        };
        assert!(shared(&[(1, 0, 9)], &[(1, 2, 5)]));
        assert!(!shared(&[(1, 0, 9)], &[(2, 0, 9)]), "a queue each from the start");
        // The worker started again.
        assert!(!shared(&[(1, 0, 9), (2, 20, 90)], &[(1, 2, 5)]));
        assert!(shared(&[(1, 0, 9), (2, 20, 90)], &[(1, 2, 5), (2, 85, 86)]));
        assert!(!shared(&[(1, 0, 9), (2, 20, 90)], &[(1, 2, 12), (3, 21, 80)]));
        // It was replaced, and ended what it had begun; or two run side by side.
        assert!(!shared(&[(1, 0, 25), (2, 20, 90)], &[(1, 2, 25)]));
        assert!(shared(&[(1, 0, 85), (2, 20, 90)], &[(1, 2, 25)]));
        assert!(shared(&[(1, 0, 9)], &[]) && shared(&[], &[(1, 0, 9)]), "profiles of before");
    }

    /// Of more loops than are kept, two tasks keep different ones.
    #[test]
    fn a_loop_that_may_have_been_forgotten_counts_as_shared() {
        let fleet = |ids: [u32; 4]| loops(&ids.map(|id| (id, 0, 90 + i64::from(id))));
        let mut one = fleet([1, 2, 3, 4]);
        one.merge(&loops(&[(5, 0, 99)]));
        assert!(one.are_shared_with(&fleet([6, 7, 8, 9])));
        one.merge(&loops(&[(10, 100, 300)]));
        assert!(!one.are_shared_with(&fleet([6, 7, 8, 9])), "it began after all that");
    }
}
