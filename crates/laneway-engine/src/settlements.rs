//! Ends of attempts on their way to the store.
//!
//! One batch is under way at a time; what ends meanwhile forms the next one, which goes at the
//! latest [`PACE`] after the one before. At a low rate every end goes at once; at a high rate
//! transactions are few and large. A batch that fails is kept and repeated: the store recognises
//! what it has.

use std::time::Duration;

use fastrand::Rng;
use laneway_core::id::SessionId;
use laneway_core::store::{BATCH_MAX, Settle, Settled, Settlement};

use crate::clock::Moment;
use crate::store_retry::StoreRetry;

/// The time between two batches, unless one is large.
const PACE: Duration = Duration::from_millis(2);

/// So many ends go at once.
const LARGE: usize = 500;

/// With more ends than this unconfirmed, nothing more is claimed.
pub(crate) const UNCONFIRMED_MAX: usize = 5_000;

/// The ends that the store has not confirmed.
#[derive(Debug, Default)]
pub(crate) struct Settlements {
    waiting: Vec<Settlement>,
    sent: Vec<Settlement>,
    is_under_way: bool,
    /// Whether the batch under way was sent before, so that a stale answer may mean *done already*.
    is_repeated: bool,
    sent_at: Moment,
    retry: StoreRetry,
}

impl Settlements {
    pub(crate) fn add(&mut self, settlement: Settlement) {
        self.waiting.push(settlement);
    }

    pub(crate) const fn unconfirmed(&self) -> usize {
        self.waiting.len() + self.sent.len()
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether what waits should go now. `is_idle`: nothing else is going to end soon.
    pub(crate) fn is_due(&self, is_idle: bool, now: Moment) -> bool {
        self.is_waiting()
            && (is_idle || self.waiting.len() >= LARGE || now >= self.sent_at.plus(PACE))
    }

    /// The next batch, unless one is under way or a pause after a failure is not over.
    pub(crate) fn next(&mut self, session: SessionId, now: Moment) -> Option<Settle> {
        if self.is_under_way || !self.retry.may_try(now) {
            return None;
        }
        self.is_repeated = !self.sent.is_empty();
        if !self.is_repeated {
            let more = self.waiting.split_off(self.waiting.len().min(BATCH_MAX));
            self.sent = std::mem::replace(&mut self.waiting, more);
        }
        if self.sent.is_empty() {
            return None;
        }
        self.is_under_way = true;
        self.sent_at = now;
        Some(Settle { session, entries: self.sent.clone() })
    }

    /// The batch under way was recorded; gives how many of its entries were refused.
    pub(crate) fn confirmed(&mut self, answers: &[Settled]) -> u64 {
        self.is_under_way = false;
        self.retry.succeeded();
        self.sent.clear();
        if self.is_repeated {
            return 0;
        }
        answers.iter().map(|answer| u64::from(*answer == Settled::Stale)).sum()
    }

    /// The batch under way may or may not have been recorded: it is kept.
    pub(crate) fn failed(&mut self, rng: &mut Rng, now: Moment) {
        self.is_under_way = false;
        self.retry.failed(rng, now);
    }

    /// The session is gone, and the store refuses all of this.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The store answers other calls again.
    pub(crate) fn may_go_on(&mut self) {
        self.retry.may_go_on();
    }

    /// When to look again.
    pub(crate) fn wake_at(&self) -> Option<Moment> {
        if self.is_under_way || self.unconfirmed() == 0 {
            return None;
        }
        Some(self.retry.pause_until().unwrap_or_else(|| self.sent_at.plus(PACE)))
    }

    /// Whether a batch that failed waits to be repeated.
    pub(crate) const fn has_failed(&self) -> bool {
        !self.is_under_way && !self.sent.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use laneway_core::id::{JobId, Token};
    use laneway_core::store::Outcome;

    use super::*;

    fn at(micros: u64) -> Moment {
        Moment::default().plus(Duration::from_micros(micros))
    }

    fn end(job: u128) -> Settlement {
        Settlement {
            job: JobId::from_bits(job),
            token: Token(1),
            outcome: Outcome::Release,
            timing: None,
        }
    }

    fn jobs(settle: &Settle) -> Vec<JobId> {
        settle.entries.iter().map(|entry| entry.job).collect()
    }

    const SESSION: SessionId = SessionId::from_bits(1);

    #[test]
    fn ends_go_at_once_when_they_are_rare_and_together_when_they_are_not() {
        let mut ends = Settlements::default();
        ends.add(end(1));
        assert!(ends.is_due(false, at(5_000)));
        assert_eq!(ends.next(SESSION, at(5_000)).unwrap().entries.len(), 1);
        ends.confirmed(&[Settled::Accepted]);
        ends.add(end(2));
        assert!(!ends.is_due(false, at(6_999)));
        assert!(ends.is_due(true, at(6_999)));
        assert_eq!(ends.wake_at(), Some(at(7_000)));
        for job in 3..=501 {
            ends.add(end(job));
        }
        assert!(ends.is_due(false, at(5_001)));
    }

    #[test]
    fn a_batch_is_never_larger_than_the_store_likes() {
        let mut ends = Settlements::default();
        for job in 0..1_500 {
            ends.add(end(job));
        }
        assert_eq!(ends.next(SESSION, at(0)).unwrap().entries.len(), BATCH_MAX);
        assert!(ends.next(SESSION, at(0)).is_none());
        assert_eq!(ends.unconfirmed(), 1_500);
        ends.confirmed(&[Settled::Accepted; BATCH_MAX]);
        assert_eq!(ends.next(SESSION, at(0)).unwrap().entries.len(), 500);
    }

    #[test]
    fn a_failed_batch_is_kept_and_repeated_after_a_pause_and_its_stale_answers_mean_done() {
        let (mut ends, mut rng) = (Settlements::default(), Rng::with_seed(7));
        ends.add(end(1));
        let first = ends.next(SESSION, at(0)).unwrap();
        ends.failed(&mut rng, at(0));
        ends.add(end(2));
        assert!(ends.next(SESSION, at(10)).is_none());
        assert!(ends.wake_at().unwrap() >= at(25_000));
        let again = ends.next(SESSION, at(60_000)).unwrap();
        assert_eq!(jobs(&again), jobs(&first));
        assert_eq!(ends.confirmed(&[Settled::Stale]), 0);
        assert_eq!(jobs(&ends.next(SESSION, at(90_000)).unwrap()), [JobId::from_bits(2)]);
        assert_eq!(ends.confirmed(&[Settled::Stale]), 1);
        assert_eq!(ends.unconfirmed(), 0);
    }
}
