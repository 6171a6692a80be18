//! When to claim, and for which lanes.
//!
//! A lane is *dry* when the last claim found fewer jobs for it than it had room for. It is not
//! asked again until the store rings, a job it told of becomes due, or [`SAFETY`] has passed. What
//! a claim tells is about the lanes that it asked for: another one keeps its own times.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use laneway_core::id::SessionId;
use laneway_core::job::{Lane, QueueName};
use laneway_core::store::{BATCH_MAX, Claim, Claimed, LaneSlots};

use crate::clock::Moment;
use crate::lanes::LaneMap;
use crate::store_retry::StoreRetry;

/// How often a worker with room asks without a reason.
const SAFETY: Duration = Duration::from_secs(1);

/// What is known of the ready jobs in the store, and the claim that is under way.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    session: Option<SessionId>,
    calls: u64,
    /// The claim that has no answer yet. It is repeated as it was when its answer is lost.
    open: Option<Open>,
    outlook: LaneMap<Outlook>,
    /// Rings so far; tells whether one came while a claim was under way.
    rings: u64,
    retry: StoreRetry,
}

/// What is known of the jobs for one lane.
#[derive(Debug, Clone, Copy, Default)]
struct Outlook {
    is_dry: bool,
    due_at: Option<Moment>,
    safety_at: Moment,
}

#[derive(Debug)]
struct Open {
    claim: Claim,
    rings: u64,
    is_under_way: bool,
}

impl Claims {
    pub(crate) const fn session(&self) -> Option<SessionId> {
        self.session
    }

    pub(crate) fn open_session(&mut self, session: SessionId) {
        *self = Self { session: Some(session), ..Self::default() };
    }

    pub(crate) fn close_session(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_under_way)
    }

    /// There may be new jobs.
    pub(crate) fn ring(&mut self) {
        self.rings += 1;
        for lane in Lane::ALL {
            self.outlook.get_mut(lane).is_dry = false;
        }
    }

    /// Whether it makes sense to ask for jobs of a lane.
    pub(crate) const fn is_dry(&self, lane: Lane) -> bool {
        self.outlook.get(lane).is_dry
    }

    /// The claim to be sent now, if one should be.
    pub(crate) fn next(
        &mut self,
        free: &LaneMap<usize>,
        queues: &Arc<[QueueName]>,
        now: Moment,
    ) -> Option<Claim> {
        let session = self.session?;
        if self.is_under_way() || !self.retry.may_try(now) {
            return None;
        }
        self.look_again(now);
        if let Some(open) = &mut self.open {
            open.is_under_way = true;
            return Some(open.claim.clone());
        }
        let slots = self.slots(free);
        if slots.is_empty() {
            return None;
        }
        self.calls += 1;
        let claim = Claim { session, call: self.calls, queues: Arc::clone(queues), slots };
        self.open = Some(Open { claim: claim.clone(), rings: self.rings, is_under_way: true });
        Some(claim)
    }

    /// Forgets that lanes are dry whose time has come.
    fn look_again(&mut self, now: Moment) {
        for lane in Lane::ALL {
            let outlook = self.outlook.get_mut(lane);
            if outlook.due_at.is_some_and(|at| now >= at) {
                outlook.due_at = None;
                outlook.is_dry = false;
                self.rings += 1;
            }
        }
        // All lanes look together then, so that an idle worker asks once a second.
        if Lane::ALL.into_iter().any(|lane| now >= self.outlook.get(lane).safety_at) {
            self.ring();
            for lane in Lane::ALL {
                self.outlook.get_mut(lane).safety_at = now.plus(SAFETY);
            }
        }
    }

    /// The lanes with the fewest slots come first, so that a full batch never leaves them out.
    fn slots(&self, free: &LaneMap<usize>) -> Vec<LaneSlots> {
        let mut room = BATCH_MAX;
        let mut slots = Vec::with_capacity(Lane::ALL.len());
        for lane in [Lane::Process, Lane::Thread, Lane::Async] {
            let count = (*free.get(lane)).min(room);
            if count > 0 && !self.is_dry(lane) {
                slots.push(LaneSlots { lane, count });
                room -= count;
            }
        }
        slots
    }

    /// The claim that is under way was answered.
    pub(crate) fn answered(&mut self, claimed: &Claimed, now: Moment) {
        self.retry.succeeded();
        let Some(open) = self.open.take() else { return };
        let due_at = claimed.next_due_at.map(|at| now.plus(at.since(claimed.now)));
        for slots in &open.claim.slots {
            let outlook = self.outlook.get_mut(slots.lane);
            outlook.safety_at = now.plus(SAFETY);
            outlook.due_at = due_at;
            if open.rings == self.rings {
                let got = claimed.jobs.iter().filter(|job| job.lane == slots.lane).count();
                outlook.is_dry = got < slots.count;
            }
        }
    }

    /// The claim that is under way could not be answered.
    pub(crate) fn failed(&mut self, rng: &mut Rng, now: Moment) {
        if let Some(open) = &mut self.open {
            open.is_under_way = false;
        }
        self.retry.failed(rng, now);
    }

    /// The store answers other calls again.
    pub(crate) fn may_go_on(&mut self) {
        self.retry.may_go_on();
    }

    /// When to look again.
    pub(crate) fn wake_at(&self) -> Option<Moment> {
        if self.session.is_none() || self.is_under_way() {
            return None;
        }
        if let Some(until) = self.retry.pause_until() {
            return Some(until);
        }
        let outlooks = Lane::ALL.map(|lane| *self.outlook.get(lane));
        outlooks.iter().flat_map(|lane| [lane.due_at, Some(lane.safety_at)]).flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use laneway_core::clock::Timestamp;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::default().plus(Duration::from_millis(millis))
    }

    fn queues() -> Arc<[QueueName]> {
        Arc::from([QueueName::default_queue()])
    }

    fn opened() -> Claims {
        let mut claims = Claims::default();
        claims.open_session(SessionId::from_bits(1));
        claims
    }

    const ROOM: LaneMap<usize> = LaneMap { async_lane: 1_000, thread: 40, process: 2 };

    #[test]
    fn small_lanes_are_never_crowded_out_of_a_batch() {
        let claim = opened().next(&ROOM, &queues(), at(0)).unwrap();
        let asked: Vec<_> = claim.slots.iter().map(|slots| (slots.lane, slots.count)).collect();
        assert_eq!(asked, [(Lane::Process, 2), (Lane::Thread, 40), (Lane::Async, 958)]);
    }

    #[test]
    fn there_is_never_more_than_one_claim_and_none_without_a_session_or_room() {
        let mut claims = opened();
        assert!(claims.next(&LaneMap::default(), &queues(), at(0)).is_none());
        assert!(claims.next(&ROOM, &queues(), at(0)).is_some());
        assert!(claims.next(&ROOM, &queues(), at(0)).is_none());
        assert!(Claims::default().next(&ROOM, &queues(), at(0)).is_none());
    }

    #[test]
    fn an_empty_store_is_asked_again_when_it_rings_and_once_a_second() {
        let mut claims = opened();
        let empty = Claimed::default();
        assert!(claims.next(&ROOM, &queues(), at(0)).is_some());
        claims.answered(&empty, at(0));
        assert!(claims.next(&ROOM, &queues(), at(1)).is_none());
        claims.ring();
        assert!(claims.next(&ROOM, &queues(), at(2)).is_some());
        claims.answered(&empty, at(2));
        assert_eq!(claims.wake_at(), Some(at(1_002)));
        assert!(claims.next(&ROOM, &queues(), at(1_001)).is_none());
        assert!(claims.next(&ROOM, &queues(), at(1_002)).is_some());
    }

    #[test]
    fn a_ring_during_a_claim_is_not_forgotten() {
        let mut claims = opened();
        assert!(claims.next(&ROOM, &queues(), at(0)).is_some());
        claims.ring();
        claims.answered(&Claimed::default(), at(1));
        assert!(claims.next(&ROOM, &queues(), at(1)).is_some());
    }

    #[test]
    fn a_job_that_becomes_due_is_asked_for_at_its_time() {
        let mut claims = opened();
        assert!(claims.next(&ROOM, &queues(), at(0)).is_some());
        let answer = Claimed {
            next_due_at: Some(Timestamp::from_micros(5_250_000)),
            now: Timestamp::from_micros(5_000_000),
            ..Claimed::default()
        };
        claims.answered(&answer, at(10));
        assert_eq!(claims.wake_at(), Some(at(260)));
        assert!(claims.next(&ROOM, &queues(), at(259)).is_none());
        assert!(claims.next(&ROOM, &queues(), at(260)).is_some());
    }

    /// A busy lane asks all the time. If its answers moved the times of the others, a limit's next
    /// permit would be missed for as long as that lane has work.
    #[test]
    fn what_a_claim_tells_is_about_the_lanes_that_it_asked_for() {
        let mut claims = opened();
        assert!(claims.next(&ROOM, &queues(), at(0)).is_some());
        let with_limit = Claimed {
            next_due_at: Some(Timestamp::from_micros(5_250_000)),
            now: Timestamp::from_micros(5_000_000),
            ..Claimed::default()
        };
        claims.answered(&with_limit, at(0));
        let only_processes = LaneMap { process: 2, ..LaneMap::default() };
        let mut asked_at = None;
        for now in (100..=2_000).step_by(100) {
            claims.ring();
            let claim = claims.next(&only_processes, &queues(), at(now)).unwrap();
            assert_eq!(claim.slots.len(), 1);
            claims.answered(&Claimed::default(), at(now));
            if asked_at.is_none() && claims.wake_at() <= Some(at(now + 100)) {
                asked_at = claims.wake_at();
            }
        }
        assert_eq!(asked_at, Some(at(250)));
    }

    #[test]
    fn a_lane_with_room_is_asked_once_a_second_however_often_others_are() {
        let mut claims = opened();
        assert!(claims.next(&ROOM, &queues(), at(0)).is_some());
        claims.answered(&Claimed::default(), at(0));
        let mut asked = Vec::new();
        for now in (100..=3_000).step_by(100) {
            claims.outlook.process.is_dry = false;
            let claim = claims.next(&ROOM, &queues(), at(now)).unwrap();
            if claim.slots.iter().any(|slots| slots.lane == Lane::Async) {
                asked.push(now);
            }
            claims.answered(&Claimed::default(), at(now));
        }
        assert_eq!(asked, [1_000, 2_000, 3_000]);
    }

    #[test]
    fn a_claim_whose_answer_was_lost_is_repeated_with_its_number() {
        let (mut claims, mut rng) = (opened(), Rng::with_seed(1));
        let first = claims.next(&ROOM, &queues(), at(0)).unwrap();
        claims.failed(&mut rng, at(0));
        assert!(claims.next(&ROOM, &queues(), at(1)).is_none());
        let again = claims.next(&ROOM, &queues(), at(100)).unwrap();
        assert_eq!((again.call, &again.slots), (first.call, &first.slots));
        claims.answered(&Claimed::default(), at(100));
        claims.ring();
        assert_eq!(claims.next(&ROOM, &queues(), at(101)).unwrap().call, first.call + 1);
    }
}
