//! What goes to the store and what it answers.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::job::{Failure, Lane};
use laneway_core::store::{Claimed, ClaimedJob, Outcome, Settled, Swept};

use super::moving::Placed;
use super::trouble::Verb;
use super::{Command, Course, Supervisor};
use crate::attempts::Attempt;
use crate::clock::Moment;
use crate::lanes::LaneMap;
use crate::observer::Happening;
use crate::outcome;
use crate::protocol::FRAME_BYTES_MAX;
use crate::settlements::UNCONFIRMED_MAX;
use crate::tasks::KnownTask;

/// Room in a frame for everything but the arguments.
const FRAME_OVERHEAD: usize = 4_096;

impl Supervisor {
    /// Sends a claim and settlements, together where both can go: the store then needs one
    /// transaction for them.
    pub(super) fn talk_to_store(&mut self, now: Moment) {
        let Some(session) = self.claims.session() else {
            return;
        };
        let ends_are_due = self.settlements.is_due(self.attempts.is_empty(), now);
        let claim = self.next_claim(ends_are_due, now);
        if (ends_are_due || claim.is_some() || self.settlements.has_failed())
            && let Some(settle) = self.settlements.next(session, now)
        {
            self.commands.push_back(Command::Settle(settle));
        }
        self.commands.extend(claim);
        self.commands.extend(self.measurements.next(session, now).map(Command::AddProfiles));
    }

    pub(super) fn may_claim(&self) -> bool {
        self.course == Course::Running && self.settlements.unconfirmed() <= UNCONFIRMED_MAX
    }

    /// A claim is put off to the next batch of settlements while most slots are busy anyway.
    fn next_claim(&mut self, ends_are_due: bool, now: Moment) -> Option<Command> {
        if !self.may_claim() {
            return None;
        }
        let mut free = self.free_slots();
        if self.settlements.is_waiting() && !ends_are_due && !self.is_hungry(&free) {
            return None;
        }
        self.reach_for_moved(&mut free);
        self.claims.next(&free, &self.queues, now).map(Command::Claim)
    }

    fn is_hungry(&self, free: &LaneMap<usize>) -> bool {
        let capacity = self.capacity();
        let process_is_idle = self.look_ahead.jobs() == 0 && free.process > 0;
        (process_is_idle && !self.claims.is_dry(Lane::Process))
            || [Lane::Async, Lane::Thread]
                .into_iter()
                .any(|lane| !self.claims.is_dry(lane) && free.get(lane) * 4 >= *capacity.get(lane))
    }

    pub(super) fn capacity(&self) -> LaneMap<usize> {
        let concurrency = self.options.concurrency;
        LaneMap {
            async_lane: concurrency.async_jobs,
            thread: concurrency.threads,
            process: concurrency.processes * (1 + self.look_ahead.jobs()),
        }
    }

    fn free_slots(&self) -> LaneMap<usize> {
        let mut free = self.capacity();
        for lane in Lane::ALL {
            let slots = free.get_mut(lane);
            *slots = slots.saturating_sub(self.attempts.held(lane));
        }
        free
    }

    pub(super) fn claim_answered(&mut self, answer: Result<Claimed, Error>, now: Moment) {
        match answer {
            Ok(claimed) => {
                self.store_answered(Verb::Claim, now);
                self.claims.answered(&claimed, now);
                self.store_clock = (claimed.now, now);
                self.admit_all(claimed, now);
            }
            Err(error) if error.code() == Code::SessionLost => {
                if let Some(session) = self.claims.session() {
                    self.session_lost(session, now);
                }
            }
            Err(error) => {
                self.claims.failed(&mut self.rng, now);
                self.store_failed(Verb::Claim, error, now);
            }
        }
    }

    /// Jobs of the thread lane come first: they take the slots that they were claimed for.
    fn admit_all(&mut self, claimed: Claimed, now: Moment) {
        let (thread_jobs, others): (Vec<_>, Vec<_>) =
            claimed.jobs.into_iter().partition(|job| job.lane == Lane::Thread);
        for job in thread_jobs {
            self.admit(job, claimed.now, now);
        }
        let mut of_process_lane = Vec::new();
        for job in others {
            let was_for_process = job.lane == Lane::Process;
            let placed = self.admit(job, claimed.now, now);
            of_process_lane.extend(placed.filter(|_| was_for_process));
        }
        self.note_claimed(&of_process_lane);
    }

    /// Takes a claimed job in; tells what it says about others of the process lane.
    fn admit(&mut self, job: ClaimedJob, store_now: Timestamp, now: Moment) -> Option<Placed> {
        let table = Arc::clone(&self.table);
        let known = table.get(&job.task).filter(|_| !self.unregistered.contains(&job.task));
        let (handbacks, args_bytes) = (job.handbacks, job.args.0.len());
        let lane = known.map_or(job.lane, |task| task.lane);
        let task = known.unwrap_or(KnownTask { index: 0, lane, is_movable: false });
        let mut attempt = Attempt::new(job, task, &table, store_now, now);
        if let Some(outcome) = self.refusal(&attempt, known.is_some(), handbacks, args_bytes) {
            self.settle(attempt, outcome, None);
            return None;
        }
        let placed = if task.is_movable {
            self.choose_lane(&mut attempt, args_bytes)
        } else {
            Placed::Process
        };
        if self.is_surplus(&attempt) {
            self.settle(attempt, Outcome::Release, None);
        } else {
            self.enlist(attempt);
        }
        Some(placed)
    }

    /// Why a claimed job cannot run here, if it cannot.
    fn refusal(
        &self,
        attempt: &Attempt,
        is_known: bool,
        handbacks: u32,
        args_bytes: usize,
    ) -> Option<Outcome> {
        if self.course != Course::Running {
            return Some(Outcome::Release);
        }
        if !is_known {
            let unknown = self.table.unknown(&attempt.task);
            return Some(outcome::of_unknown_task(handbacks, &unknown));
        }
        if attempt.lane == Lane::Process && self.options.concurrency.processes == 0 {
            // Its task has changed lanes since it was enqueued. Another worker may have processes.
            let what = format!("the task `{}` needs a process, and here are none", attempt.task);
            let error = Error::new(Code::TaskUnknown, what);
            return Some(outcome::of_unknown_task(handbacks, &error));
        }
        if args_bytes > FRAME_BYTES_MAX - FRAME_OVERHEAD {
            let message =
                format!("its arguments have {args_bytes} bytes and cannot reach a runner");
            let failure = Failure::new(Code::PayloadTooLarge, message);
            return Some(Outcome::Fail(failure));
        }
        None
    }

    pub(super) fn settlements_answered(
        &mut self,
        answer: Result<Vec<Settled>, Error>,
        now: Moment,
    ) {
        match answer {
            Ok(answers) => {
                self.store_answered(Verb::Settle, now);
                self.report.stale += self.settlements.confirmed(&answers);
            }
            Err(error) => {
                self.settlements.failed(&mut self.rng, now);
                self.store_failed(Verb::Settle, error, now);
            }
        }
    }

    pub(super) fn swept(&mut self, swept: Swept, now: Moment) {
        self.store_answered(Verb::Sweep, now);
        if swept.sessions_expired + swept.released + swept.parked + swept.failed > 0 {
            self.happenings.push(Happening::Swept(swept));
        }
    }

    pub(super) fn store_answered(&mut self, verb: Verb, now: Moment) {
        if let Some(after) = self.trouble.ends(verb, now) {
            self.happenings.push(Happening::StoreRecovered { after });
        }
    }

    /// The session is renewed four times a lease, and four times a second while that fails, so a
    /// renewal is the first to learn that the store is back. What failed is then tried again at
    /// once: its own pauses may have grown to seconds.
    pub(super) fn store_goes_on(&mut self) {
        self.claims.may_go_on();
        self.settlements.may_go_on();
        self.measurements.may_go_on();
    }

    /// What this build knows of the store is no longer all that counts there. It takes no more
    /// jobs, and settles what it has: the store goes on to answer.
    pub(super) fn store_outdated(&mut self, error: Error, now: Moment) {
        if self.course == Course::Running {
            self.happenings.push(Happening::StoreTroubled { error: error.clone() });
            self.end_because_of(error, now);
        }
    }

    /// An error that may pass is waited out; any other one ends the worker.
    pub(super) fn store_failed(&mut self, verb: Verb, error: Error, now: Moment) {
        if self.trouble.begins(verb, now) {
            self.happenings.push(Happening::StoreTroubled { error: error.clone() });
        }
        if !error.is_retryable() {
            self.is_store_lost = true;
            self.end_because_of(error, now);
        }
    }
}
