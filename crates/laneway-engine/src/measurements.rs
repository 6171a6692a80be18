//! What runners measured, on its way to the store.
//!
//! Runners add their attempts up and report about once a second; the sums of all of them go to the
//! store every [`EVERY`]. A call whose answer is lost is repeated with its number, so that nothing
//! is counted twice; what is under way when a session is lost is dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use laneway_core::id::SessionId;
use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{Histogram, Moves, Profile, ProfileKey, SizeBucket};
use laneway_core::store::AddProfiles;
use laneway_core::verdict::auto::LaneMove;

use crate::clock::Moment;
use crate::lanes::LaneMap;
use crate::store_retry::StoreRetry;

/// The time between two calls.
const EVERY: Duration = Duration::from_secs(2);

/// How attempts waited for their start.
#[derive(Debug, Default)]
struct Waits {
    times: Histogram,
    /// As [`Profile::in_line_sum`].
    in_line_sum: u64,
}

/// What the store does not know yet.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    sums: BTreeMap<ProfileKey, Profile>,
    /// How attempts waited for their start; only the supervisor knows.
    waits: BTreeMap<TaskName, LaneMap<Waits>>,
    /// What the auto lane did; it stands in a profile of the same task and size.
    moves: BTreeMap<(TaskName, SizeBucket), Moves>,
    /// The call that has no answer yet.
    sent: Option<AddProfiles>,
    is_under_way: bool,
    calls: u64,
    send_at: Option<Moment>,
    retry: StoreRetry,
}

impl Measurements {
    /// Adds what a runner reported.
    pub(crate) fn add(&mut self, profiles: Vec<Profile>, now: Moment) {
        for mut profile in profiles {
            // Runners do not know them.
            profile.wait = Histogram::default();
            profile.in_line_sum = 0;
            match self.sums.get_mut(&profile.key) {
                Some(sum) => sum.merge(&profile),
                None => drop(self.sums.insert(profile.key.clone(), profile)),
            }
        }
        self.send_at.get_or_insert(now.plus(EVERY));
    }

    /// Adds the wait of one attempt.
    pub(crate) fn waited(&mut self, task: &TaskName, lane: Lane, wait: Duration) {
        self.note_waits(task, lane, |waits| waits.times.record(wait));
    }

    /// Adds the time that one attempt stood in line for a step of such a length.
    pub(crate) fn stood_in_line(
        &mut self,
        task: &TaskName,
        lane: Lane,
        (in_line, step): (Duration, Duration),
    ) {
        let square_micros = in_line.as_micros().saturating_mul(step.as_micros());
        let square_micros = u64::try_from(square_micros).unwrap_or(u64::MAX);
        self.note_waits(task, lane, |waits| {
            waits.in_line_sum = waits.in_line_sum.saturating_add(square_micros);
        });
    }

    fn note_waits(&mut self, task: &TaskName, lane: Lane, note: impl FnOnce(&mut Waits)) {
        match self.waits.get_mut(task) {
            Some(waits) => note(waits.get_mut(lane)),
            None => note(self.waits.entry(task.clone()).or_default().get_mut(lane)),
        }
    }

    /// Adds an event of the auto lane. It is sent with the next profile of its task and size, which
    /// is at hand soon: the events come from runs.
    pub(crate) fn moved(&mut self, event: &LaneMove) {
        let key = (event.task.clone(), event.size_bucket);
        self.moves.entry(key).or_default().record(event.record());
    }

    /// The next call, when it is time for one.
    pub(crate) fn next(&mut self, session: SessionId, now: Moment) -> Option<AddProfiles> {
        if self.is_under_way || !self.retry.may_try(now) {
            return None;
        }
        if self.sent.is_none() {
            self.send_at.take_if(|at| now >= *at)?;
            self.sent = self.batch(session);
        }
        self.is_under_way = self.sent.is_some();
        self.sent.clone()
    }

    fn batch(&mut self, session: SessionId) -> Option<AddProfiles> {
        self.hand_out_waits();
        self.hand_out_moves();
        let profiles: Vec<_> = std::mem::take(&mut self.sums).into_values().collect();
        if profiles.is_empty() {
            return None;
        }
        self.calls += 1;
        Some(AddProfiles { session, call: self.calls, profiles })
    }

    /// Attempts of every size wait in one line, so their waits stand in one of the profiles.
    fn hand_out_waits(&mut self) {
        for profile in self.sums.values_mut() {
            if let Some(waits) = self.waits.get_mut(&profile.key.task) {
                let waits = std::mem::take(waits.get_mut(profile.key.lane));
                profile.wait.merge(&waits.times);
                profile.in_line_sum = profile.in_line_sum.saturating_add(waits.in_line_sum);
            }
        }
        let is_left = |waits: &Waits| waits.times.count() > 0;
        self.waits.retain(|_, waits| Lane::ALL.iter().any(|lane| is_left(waits.get(*lane))));
    }

    fn hand_out_moves(&mut self) {
        if self.moves.is_empty() {
            return;
        }
        for (key, profile) in &mut self.sums {
            if let Some(moves) = self.moves.remove(&(key.task.clone(), key.size_bucket)) {
                profile.moves.merge(&moves);
            }
        }
    }

    /// The call was answered.
    pub(crate) fn confirmed(&mut self) {
        self.sent = None;
        self.is_under_way = false;
        self.retry.succeeded();
    }

    /// The call failed; it is repeated after a pause.
    pub(crate) fn failed(&mut self, rng: &mut Rng, now: Moment) {
        self.is_under_way = false;
        self.retry.failed(rng, now);
    }

    /// The session was lost, and with it the numbers of its calls.
    pub(crate) fn forget_session(&mut self) {
        self.sent = None;
        self.is_under_way = false;
        self.calls = 0;
    }

    /// The store answers other calls again.
    pub(crate) fn may_go_on(&mut self) {
        self.retry.may_go_on();
    }

    /// The moment of the next call.
    pub(crate) fn wake_at(&self) -> Option<Moment> {
        if self.is_under_way {
            return None;
        }
        let due = if self.sent.is_some() { Some(Moment::default()) } else { self.send_at };
        due.map(|at| self.retry.pause_until().map_or(at, |until| at.max(until)))
    }

    /// Everything that is left, in the order in which it must be sent.
    pub(crate) fn last(&mut self, session: SessionId) -> Vec<AddProfiles> {
        let repeated = self.sent.take();
        repeated.into_iter().chain(self.batch(session)).collect()
    }
}

#[cfg(test)]
mod tests {
    use laneway_core::clock::Timestamp;
    use laneway_core::profile::{Interpreter, Measurement, MoveKind};

    use super::*;

    const SESSION: SessionId = SessionId::from_bits(1);

    fn profile(task: &str) -> Profile {
        let mut profile = Profile::new(ProfileKey {
            task: TaskName::new(task).unwrap(),
            lane: Lane::Thread,
            size_bucket: SizeBucket::of(10),
            interpreter: Interpreter::new("cpython-313"),
        });
        profile.record(&Measurement::default(), Timestamp::default());
        profile
    }

    fn later(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(seconds))
    }

    #[test]
    fn what_several_runners_report_goes_as_one_sum_every_two_seconds() {
        let mut measurements = Measurements::default();
        measurements.add(vec![profile("a")], later(0));
        measurements.add(vec![profile("b"), profile("a")], later(1));
        assert_eq!(measurements.wake_at(), Some(later(2)));
        assert_eq!(measurements.next(SESSION, later(1)), None);
        let add = measurements.next(SESSION, later(2)).unwrap();
        assert_eq!(add.call, 1);
        assert_eq!(add.profiles.iter().map(Profile::runs).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(measurements.next(SESSION, later(9)), None, "one call at a time");
        measurements.confirmed();
        assert_eq!(measurements.wake_at(), None);
    }

    #[test]
    fn a_call_that_failed_is_repeated_as_it_was() {
        let mut measurements = Measurements::default();
        measurements.add(vec![profile("a")], later(0));
        let first = measurements.next(SESSION, later(2)).unwrap();
        measurements.failed(&mut Rng::with_seed(1), later(2));
        measurements.add(vec![profile("a")], later(3));
        assert_eq!(measurements.next(SESSION, later(8)), Some(first));
        measurements.confirmed();
        assert_eq!(measurements.next(SESSION, later(9)).unwrap().call, 2);
    }

    #[test]
    fn the_waits_stand_in_one_profile_of_their_task_and_lane() {
        let mut measurements = Measurements::default();
        let task = TaskName::new("a").unwrap();
        let (wait, step) = (Duration::from_millis(5), Duration::from_millis(2));
        measurements.waited(&task, Lane::Thread, wait);
        measurements.stood_in_line(&task, Lane::Thread, (wait, step));
        measurements.waited(&task, Lane::Process, Duration::from_millis(7));
        measurements.add(vec![profile("a")], later(0));
        let add = measurements.next(SESSION, later(2)).unwrap();
        assert_eq!(add.profiles[0].wait.count(), 1);
        assert_eq!(add.profiles[0].in_line_sum, 5_000 * 2_000, "in square microseconds");
        assert_eq!(measurements.waits.len(), 1, "the other lane's wait is kept");
    }

    #[test]
    fn a_move_stands_in_one_profile_of_its_task_and_size_and_waits_for_it() {
        let mut measurements = Measurements::default();
        let event = |size| LaneMove {
            task: TaskName::new("a").unwrap(),
            size_bucket: SizeBucket::of(size),
            at: Timestamp::default(),
            from: Lane::Process,
            to: Lane::Thread,
            kind: MoveKind::Moved,
            runs: 80,
        };
        measurements.moved(&event(10));
        measurements.moved(&event(5_000));
        measurements.add(vec![profile("a"), profile("b")], later(0));
        let add = measurements.next(SESSION, later(2)).unwrap();
        let moves: Vec<_> = add.profiles.iter().map(|p| p.moves.iter().count()).collect();
        assert_eq!(moves, [1, 0]);
        assert_eq!(measurements.moves.len(), 1, "that of the other size is kept");
    }

    #[test]
    fn what_is_left_at_the_end_keeps_its_numbers() {
        let mut measurements = Measurements::default();
        measurements.add(vec![profile("a")], later(0));
        measurements.next(SESSION, later(2)).unwrap();
        measurements.add(vec![profile("a")], later(3));
        let calls: Vec<_> = measurements.last(SESSION).iter().map(|add| add.call).collect();
        assert_eq!(calls, [1, 2]);
    }
}
