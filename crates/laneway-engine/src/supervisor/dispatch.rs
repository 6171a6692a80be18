//! Which attempt goes to which runner.

use std::sync::Arc;

use laneway_core::job::{Lane, Payload};
use laneway_core::store::Outcome;

use super::{Command, Course, Supervisor};
use crate::attempts::{Attempt, Stage};
use crate::clock::Moment;
use crate::deadlines::Due;
use crate::fleet::{Life, Role, RunnerId};
use crate::look_ahead::HORIZON;
use crate::outcome;
use crate::protocol::{Run, ToRunner};

/// Jobs in one frame. A runner takes frame by frame; what a blocked one has not taken goes
/// elsewhere.
const FRAME_JOBS: usize = 64;

/// A frame with more bytes of arguments than this gets no further job.
const FRAME_BYTES: usize = 256 << 10;

impl Supervisor {
    /// Lines an attempt up for a runner.
    pub(super) fn enlist(&mut self, attempt: Attempt) {
        let line = self.waiting.line_of(&attempt);
        line.push_back(self.attempts.insert(attempt));
    }

    pub(super) fn dispatch(&mut self, now: Moment) {
        self.dispatch_main(now);
        self.dispatch_isolated(now);
        self.dispatch_process(now);
    }

    fn dispatch_main(&mut self, now: Moment) {
        if self.waiting.main.is_empty() {
            return;
        }
        let Some(runner) = self.fleet.main_for_work(now).map(|runner| runner.id) else {
            return;
        };
        let mut frame = Vec::with_capacity(self.waiting.main.len().min(FRAME_JOBS));
        let mut bytes = 0;
        while let Some(number) = self.waiting.main.pop_front() {
            let Some(run) = self.hand_over(number, runner, now) else {
                continue;
            };
            bytes += run.args.0.len();
            frame.push(run);
            if frame.len() == FRAME_JOBS || bytes >= FRAME_BYTES {
                let room = self.waiting.main.len().min(FRAME_JOBS);
                let full = std::mem::replace(&mut frame, Vec::with_capacity(room));
                self.commands.push_back(Command::Send(runner, ToRunner::Run(full)));
                bytes = 0;
            }
        }
        if !frame.is_empty() {
            self.commands.push_back(Command::Send(runner, ToRunner::Run(frame)));
        }
    }

    fn dispatch_isolated(&mut self, now: Moment) {
        let runner = self.fleet.of_role(Role::Isolated).find(|r| r.takes_work() && r.held == 0);
        let Some(runner) = runner.map(|runner| runner.id) else {
            return;
        };
        while let Some(number) = self.waiting.isolated.pop_front() {
            if let Some(run) = self.hand_over(number, runner, now) {
                self.commands.push_back(Command::Send(runner, ToRunner::Run(vec![run])));
                return;
            }
        }
    }

    /// One job a frame, so that each can be taken back; the runner with the least to do comes
    /// first.
    fn dispatch_process(&mut self, now: Moment) {
        let depth = 1 + self.look_ahead.jobs();
        while let Some(number) = self.waiting.process.front().copied() {
            let idlest = self
                .fleet
                .of_role(Role::Process)
                .filter(|runner| runner.takes_work() && runner.room_behind(depth))
                .min_by_key(|runner| runner.held);
            let Some((runner, is_busy)) = idlest.map(|r| (r.id, r.held > 0)) else {
                return;
            };
            self.waiting.process.pop_front();
            let Some(run) = self.hand_over(number, runner, now) else {
                continue;
            };
            self.commands.push_back(Command::Send(runner, ToRunner::Run(vec![run])));
            self.note_length(number, runner);
            if is_busy {
                self.watch_runner(runner, now.plus(HORIZON));
            }
        }
    }

    /// Remembers whether anything may wait behind the job that a runner was just given.
    fn note_length(&mut self, number: u64, runner: RunnerId) {
        let task = self.attempts.get_mut(number).map(|attempt| attempt.task.clone());
        let is_short = task.is_some_and(|task| self.look_ahead.is_short(&task));
        if let Some(place) = self.fleet.get_mut(runner) {
            place.holds_long = !is_short || (place.holds_long && place.held > 1);
        }
    }

    /// Makes the order for a runner, or hands the job back when this runner does not know its task.
    fn hand_over(&mut self, number: u64, runner: RunnerId, now: Moment) -> Option<Run> {
        let place = self.fleet.get_mut(runner)?;
        let table = place.table.as_ref()?;
        let attempt = self.attempts.get_mut(number)?;
        if !Arc::ptr_eq(table, &attempt.table) {
            let Some(known) = table.get(&attempt.task) else {
                let outcome =
                    outcome::of_unknown_task(attempt.handbacks, &table.unknown(&attempt.task));
                let attempt = self.attempts.remove(number)?;
                self.settle(attempt, outcome, None);
                return None;
            };
            if attempt.lane == Lane::Thread && attempt.auto.is_some() && !known.is_movable {
                // The code has changed since it was moved: it goes where the task belongs now.
                let attempt = self.attempts.remove(number)?;
                self.settle(attempt, Outcome::Release, None);
                return None;
            }
            attempt.index = known.index;
            attempt.table = Arc::clone(table);
        }
        let Stage::Waiting(args) = &mut attempt.stage else {
            return None;
        };
        let args = Payload(std::mem::take(&mut args.0));
        attempt.stage = Stage::Sent(runner);
        attempt.sent_at = now;
        place.held += 1;
        place.unstarted += 1;
        Some(Run {
            attempt: number,
            task: attempt.index,
            lane: attempt.lane,
            job: attempt.job,
            queue: attempt.queue.clone(),
            number: attempt.number(),
            args,
        })
    }

    /// Jobs that a runner had not read are here again.
    pub(super) fn runs_taken_back(&mut self, runner: RunnerId, runs: Vec<Run>, now: Moment) {
        let mut taken_back = 0;
        for run in runs.into_iter().rev() {
            let Some(attempt) = self.attempts.get_mut(run.attempt) else {
                continue;
            };
            if attempt.stage != Stage::Sent(runner) {
                continue;
            }
            attempt.stage = Stage::Waiting(run.args);
            if let Some(place) = self.fleet.get_mut(runner) {
                place.held -= 1;
                place.unstarted -= 1;
            }
            taken_back += 1;
            self.waiting.line_of(attempt).push_front(run.attempt);
            self.reconsider(run.attempt, now);
        }
        if self.fleet.get(runner).is_some_and(|place| place.role == Role::Process) {
            self.release_surplus(now);
        }
        self.tell_of_blocked_loop(runner, taken_back);
        self.runner_lost_work(runner, now);
    }

    /// Process jobs for which no runner is idle or can be started go back to the store, where
    /// another worker may take them.
    fn release_surplus(&mut self, now: Moment) {
        let busy = self.fleet.of_role(Role::Process).filter(|runner| runner.held > 0).count();
        let room = self.options.concurrency.processes.saturating_sub(busy);
        while self.waiting.process.len() > room {
            let Some(number) = self.waiting.process.back().copied() else {
                return;
            };
            self.end_unreported(number, Outcome::Release, now);
        }
    }

    /// Decides on an attempt that waits here again.
    fn reconsider(&mut self, number: u64, now: Moment) {
        let Some(attempt) = self.attempts.get(number) else {
            return;
        };
        if attempt.is_fenced || attempt.stop.is_some() || self.course != Course::Running {
            self.end_unreported(number, outcome::of_unstarted(attempt.stop), now);
        }
    }

    fn watch_runner(&mut self, id: RunnerId, at: Moment) {
        let Some(runner) = self.fleet.get_mut(id) else {
            return;
        };
        if !runner.is_watched {
            runner.is_watched = true;
            self.deadlines.add(at, Due::LookAhead(id));
        }
    }

    /// Jobs wait in the socket of a process runner: when it has been at its present one for long,
    /// they are taken back, for an idle runner if there is one.
    pub(super) fn look_behind(&mut self, id: RunnerId, now: Moment) {
        let Some(runner) = self.fleet.get_mut(id) else {
            return;
        };
        runner.is_watched = false;
        if runner.unstarted == 0 || runner.life == Life::Ending {
            return;
        }
        let is_busy = runner.held > runner.unstarted;
        let busy_since = runner.ended_at.max(runner.ready_at.unwrap_or_default());
        if is_busy && now.since(busy_since) >= HORIZON {
            self.look_ahead.was_too_long();
            self.commands.push_back(Command::TakeBack(id));
        } else {
            self.watch_runner(id, now.plus(HORIZON));
        }
    }
}
