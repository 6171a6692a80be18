//! How attempts leave the worker.

use std::time::Duration;

use laneway_core::store::{Outcome, Progress, Settlement, Timing};

use super::{Command, Supervisor};
use crate::attempts::{Attempt, Stage};
use crate::clock::Moment;
use crate::fleet::{Role, RunnerId};
use crate::observer::{AttemptEnded, Ending, Happening};
use crate::outcome;
use crate::protocol::{Done, FirstStep, ProgressReport};

impl Supervisor {
    pub(super) fn attempts_done(&mut self, runner: RunnerId, done: Vec<Done>, now: Moment) {
        for done in done {
            self.attempt_done(runner, done, now);
        }
        self.runner_lost_work(runner, now);
    }

    fn attempt_done(&mut self, runner: RunnerId, done: Done, now: Moment) {
        let is_its_own =
            self.attempts.get(done.attempt).is_some_and(|a| a.runner() == Some(runner));
        if !is_its_own {
            // It was settled by force before: the thread or coroutine has come to its end after
            // all.
            if let Some(runner) = self.fleet.get_mut(runner) {
                runner.abandoned = runner.abandoned.saturating_sub(1);
                runner.ended_step_of(done.attempt);
            }
            return;
        }
        let Some(mut attempt) = self.leave(done.attempt) else {
            return;
        };
        let begun_at = attempt.started_at().unwrap_or(attempt.claimed_at);
        let wall = done.wall_us.map_or_else(|| now.since(begun_at), Duration::from_micros);
        if let Some(runner) = self.fleet.get_mut(runner) {
            runner.ended += 1;
            runner.ended_at = now;
            runner.ended_step_of(done.attempt);
            if runner.role == Role::Process {
                self.look_ahead.record(&attempt.task, wall);
            }
        }
        if attempt.started_at().is_none() {
            let micros = now.since(attempt.claimed_at).saturating_sub(wall);
            attempt.stage = Stage::Started(runner, attempt.claimed_at.plus(micros));
        }
        if let Some(first) = done.first_step {
            self.came_to_its_turn(&mut attempt, runner, first, now);
        }
        let timing = Timing { wall, cpu: done.cpu_us.map(Duration::from_micros) };
        let outcome = outcome::of_end(&attempt, done.end, self.rng.f64());
        self.note_end(&attempt, &outcome, Some(timing), now);
        self.settle(attempt, outcome, Some(timing));
    }

    /// A coroutine that was told to have started has stood in line for its first step: its wait was
    /// longer. Before, it stood in line for being read.
    fn came_to_its_turn(
        &mut self,
        attempt: &mut Attempt,
        runner: RunnerId,
        first: FirstStep,
        now: Moment,
    ) {
        let Some(read_at) = attempt.started_at() else {
            return;
        };
        // Both are known by when they were heard of; what was heard late had its first step before.
        let took = Duration::from_micros(first.took_us);
        let began_at = read_at.plus(Duration::from_micros(first.in_line_us)).min(now.minus(took));
        attempt.stage = Stage::Started(runner, began_at);
        let in_line = began_at.since(attempt.sent_at);
        self.measurements.stood_in_line(&attempt.task, attempt.lane, (in_line, took));
    }

    /// Ends an attempt whose runner did not report its end.
    pub(super) fn end_unreported(&mut self, number: u64, outcome: Outcome, now: Moment) {
        let Some(attempt) = self.leave(number) else {
            return;
        };
        let timing =
            attempt.started_at().map(|started| Timing { wall: now.since(started), cpu: None });
        self.note_end(&attempt, &outcome, timing, now);
        self.settle(attempt, outcome, timing);
    }

    /// Takes an attempt out of everything that counts it.
    fn leave(&mut self, number: u64) -> Option<Attempt> {
        let attempt = self.attempts.remove(number)?;
        if let Some((at, due)) = attempt.due {
            self.deadlines.remove(at, due);
        }
        if let Some(runner) = attempt.runner().and_then(|runner| self.fleet.get_mut(runner)) {
            runner.held -= 1;
            runner.unstarted -= usize::from(attempt.started_at().is_none());
        }
        if matches!(attempt.stage, Stage::Waiting(_)) {
            self.waiting.line_of(&attempt).retain(|other| *other != number);
        }
        Some(attempt)
    }

    /// Puts an attempt's end on its way to the store.
    pub(super) fn settle(&mut self, attempt: Attempt, outcome: Outcome, timing: Option<Timing>) {
        let (ending, failure) =
            if attempt.is_fenced { (Ending::Fenced, None) } else { outcome::ending(&outcome) };
        self.report.count(ending);
        let wait = attempt.started_at().map(|at| attempt.ready_for + at.since(attempt.claimed_at));
        if let (Some(wait), Some(_)) = (wait, timing) {
            self.measurements.waited(&attempt.task, attempt.lane, wait);
        }
        let number = attempt.number();
        let ended = AttemptEnded {
            job: attempt.job,
            task: attempt.task,
            queue: attempt.queue,
            lane: attempt.lane,
            number,
            wait,
            wall: timing.map(|timing| timing.wall),
            cpu: timing.and_then(|timing| timing.cpu),
            ending,
            failure: failure.cloned(),
        };
        self.happenings.push(Happening::AttemptEnded(ended));
        if !attempt.is_fenced {
            let (job, token) = (attempt.job, attempt.token);
            self.settlements.add(Settlement { job, token, outcome, timing });
        }
    }

    pub(super) fn attempts_progressed(&mut self, reports: Vec<ProgressReport>) {
        let Some(session) = self.claims.session() else {
            return;
        };
        for report in reports {
            let Some(attempt) = self.attempts.get(report.attempt) else {
                continue;
            };
            if attempt.is_fenced {
                continue;
            }
            let progress = Progress {
                job: attempt.job,
                token: attempt.token,
                done: report.done,
                of: report.of,
                note: report.note,
            };
            self.commands.push_back(Command::Report(report.attempt, session, progress));
        }
    }
}
