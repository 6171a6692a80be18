//! Handing out jobs.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{self, Lane};
use laneway_core::store::{Claim, Claimed, ClaimedJob};
use laneway_core::transition::Event;

use super::state::{DEADLINE_MARGIN, Job, State};

/// How many jobs each lane can still take.
type Room = BTreeMap<Lane, usize>;

impl State {
    pub(super) fn claim(&mut self, claim: &Claim, now: Timestamp) -> Result<Claimed, Error> {
        let session = self.open_session_mut(claim.session)?;
        if session.calls.insert(claim.call) {
            self.promote(usize::MAX, now);
            let mut room: Room =
                claim.slots.iter().map(|slots| (slots.lane, slots.count)).collect();
            let mut taken = self.take_limited(claim, &mut room, now);
            taken.extend(self.take_unlimited(claim, &mut room));
            for (place, id) in taken.into_iter().enumerate() {
                self.start(id, claim, place, now);
            }
        }
        Ok(Claimed { jobs: self.taken_by(claim), next_due_at: self.next_due_at(claim, now), now })
    }

    /// Jobs with a limit whose gate is open. Permits that no job can use are not taken.
    fn take_limited(&mut self, claim: &Claim, room: &mut Room, now: Timestamp) -> Vec<JobId> {
        let keys: Vec<_> = self.gates.keys().cloned().collect();
        let mut taken = Vec::new();
        for key in keys {
            let mut wanted = self.line(claim, Some(&key));
            let mut left = room.clone();
            wanted.retain(|id| self.has_room(*id, &mut left));
            let gate = self.gates.get_mut(&key).expect("the key is in the map");
            let count = u32::try_from(wanted.len()).unwrap_or(u32::MAX);
            let grant = gate.rate.grant(gate.tat, now, count);
            if grant.granted > 0 {
                gate.tat = grant.tat;
            }
            wanted.truncate(grant.granted as usize);
            wanted.retain(|id| self.has_room(*id, room));
            taken.extend(wanted);
        }
        taken
    }

    fn take_unlimited(&self, claim: &Claim, room: &mut Room) -> Vec<JobId> {
        let mut wanted = self.line(claim, None);
        wanted.retain(|id| self.has_room(*id, room));
        wanted
    }

    /// Takes a place in the job's lane if there is one.
    fn has_room(&self, id: JobId, room: &mut Room) -> bool {
        let left = self.jobs.get(&id).and_then(|job| room.get_mut(&job.record.lane));
        left.is_some_and(|left| {
            let is_free = *left > 0;
            *left -= usize::from(is_free);
            is_free
        })
    }

    /// The ready jobs of the claim's queues with exactly this limit key, best first.
    fn line(&self, claim: &Claim, key: Option<&str>) -> Vec<JobId> {
        let mut line = Vec::new();
        for queue in claim.queues.iter().filter(|queue| !self.is_paused(queue)) {
            let mut ready: Vec<_> = self
                .jobs
                .values()
                .filter(|job| job.is_in(job::State::Ready) && job.record.queue == *queue)
                .filter(|job| job.record.limit.as_ref().map(|limit| limit.key.as_str()) == key)
                .collect();
            ready.sort_by_key(|job| (Reverse(job.record.priority), job.sequence));
            line.extend(ready.into_iter().map(|job| job.record.id));
        }
        line
    }

    fn start(&mut self, id: JobId, claim: &Claim, place: usize, now: Timestamp) {
        self.apply(id, Event::Claim, now);
        let job = self.job_mut(id);
        let policy = job.record.policy.clone();
        job.record.token = job.record.token.next();
        job.record.session = Some(claim.session);
        job.record.claimed_at = Some(now);
        job.record.progress = None;
        job.claim = (claim.call, place);
        job.deadline = policy
            .timeout
            .map(|timeout| now.plus(timeout).plus(policy.grace).plus(DEADLINE_MARGIN));
    }

    /// What this very claim took and still holds.
    fn taken_by(&self, claim: &Claim) -> Vec<ClaimedJob> {
        let mut held: Vec<_> = self.held_by(claim.session).collect();
        held.retain(|job| job.claim.0 == claim.call);
        held.sort_by_key(|job| job.claim.1);
        held.into_iter().map(Job::claimed).collect()
    }

    pub(super) fn held_by(&self, session: SessionId) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(move |job| job.record.session == Some(session))
    }

    fn next_due_at(&self, claim: &Claim, now: Timestamp) -> Option<Timestamp> {
        let is_wanted = |job: &&Job| {
            claim.queues.contains(&job.record.queue)
                && claim.slots.iter().any(|slots| slots.lane == job.record.lane)
                && !self.is_paused(&job.record.queue)
        };
        let opens_at = |job: &Job| {
            let gate = self.gates.get(&job.record.limit.as_ref()?.key)?;
            Some(gate.rate.grant(gate.tat, now, 0).next_at)
        };
        self.jobs
            .values()
            .filter(is_wanted)
            .filter_map(|job| match job.record.state {
                job::State::Scheduled => job.record.due_at,
                job::State::Ready => opens_at(job),
                _ => None,
            })
            .min()
    }
}

impl Job {
    fn claimed(&self) -> ClaimedJob {
        let record = &self.record;
        ClaimedJob {
            id: record.id,
            token: record.token,
            task: record.task.clone(),
            queue: record.queue.clone(),
            lane: record.lane,
            failures: record.failures,
            interrupts: record.interrupts,
            handbacks: self.record.handbacks,
            policy: record.policy.clone(),
            args: record.args.clone(),
            ready_at: self.ready_at,
        }
    }
}

/// The refusal of a session that is not open.
pub(super) fn session_lost(session: SessionId) -> Error {
    Error::new(Code::SessionLost, format!("session {session} is not open"))
        .why("its lease ran out and it was swept, or it was closed or never opened")
}
