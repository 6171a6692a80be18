//! How attempts are asked, and made, to stop.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_core::id::{JobId, Token};
use laneway_core::job::Lane;

use super::{Command, Supervisor};
use crate::attempts::Stage;
use crate::clock::Moment;
use crate::deadlines::Due;
use crate::fleet::{Doom, Life, Role, RunnerId};
use crate::observer::Happening;
use crate::outcome;
use crate::protocol::StopReason;

/// The time between the request to stop at the end of a drain and the end by force.
pub(super) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Somebody wants these jobs cancelled; the wish is repeated until they are settled.
    pub(super) fn cancel(&mut self, wishes: Vec<(JobId, Token)>, now: Moment) {
        if wishes.is_empty() {
            return;
        }
        let wishes: BTreeMap<JobId, Token> = wishes.into_iter().collect();
        let numbers: Vec<u64> = self
            .attempts
            .iter()
            .filter(|(_, a)| a.stop.is_none() && wishes.get(&a.job) == Some(&a.token))
            .map(|(number, _)| number)
            .collect();
        for number in numbers {
            self.ask_to_stop(number, StopReason::Cancel, now);
        }
    }

    pub(super) fn timed_out(&mut self, number: u64, now: Moment) {
        self.ask_to_stop(number, StopReason::Timeout, now);
    }

    /// Asks an attempt to stop, and sets the time for making it.
    ///
    /// A process runner reads its socket frame by frame, so whatever waits there is taken back
    /// first: the request must be the next thing it reads.
    pub(super) fn ask_to_stop(&mut self, number: u64, reason: StopReason, now: Moment) {
        let Some(attempt) = self.attempts.get_mut(number) else {
            return;
        };
        if attempt.stop.is_some() {
            return;
        }
        attempt.stop = Some(reason);
        let grace =
            if reason == StopReason::Shutdown { SHUTDOWN_GRACE } else { attempt.policy.grace };
        if let Some((at, due)) = attempt.due.take() {
            self.deadlines.remove(at, due);
        }
        let Some(runner) = attempt.runner() else {
            return self.end_unreported(number, outcome::of_unstarted(Some(reason)), now);
        };
        let (at, due) = (now.plus(grace), Due::Force(number));
        attempt.due = Some((at, due));
        self.deadlines.add(at, due);
        let (is_started, lane) = (attempt.started_at().is_some(), attempt.lane);
        let has_more = self.fleet.get(runner).is_some_and(|runner| runner.unstarted > 0);
        if lane == Lane::Process && has_more {
            self.commands.push_back(Command::TakeBack(runner));
        }
        if lane != Lane::Process || is_started {
            self.send_stop(runner, number, reason);
        }
    }

    /// An attempt did not stop in time.
    ///
    /// A process is killed. A coroutine or thread cannot be: its job is settled without it, and its
    /// runner gives way to a new one.
    pub(super) fn force(&mut self, number: u64, now: Moment) {
        let Some(attempt) = self.attempts.get_mut(number) else {
            return;
        };
        attempt.due = None;
        let (Some(reason), Some(id)) = (attempt.stop, attempt.runner()) else {
            return;
        };
        if attempt.lane == Lane::Process || reason == StopReason::Shutdown {
            self.commands.push_back(Command::TakeBack(id));
            return self.kill(id, Doom::Disobeyed);
        }
        let is_started = matches!(attempt.stage, Stage::Started(..));
        let why = self.why_it_did_not_stop(number, now);
        let Some(attempt) = self.attempts.get(number) else {
            return;
        };
        let outcome = outcome::of_force(attempt, reason, why.as_deref(), self.rng.f64());
        self.end_unreported(number, outcome, now);
        if let Some(runner) = self.fleet.get_mut(id) {
            runner.abandoned += 1;
        }
        if is_started {
            self.wear(id);
        }
        self.runner_lost_work(id, now);
    }

    /// A runner keeps an attempt that does not end: it is replaced as soon as another one is ready.
    fn wear(&mut self, id: RunnerId) {
        let Some(runner) = self.fleet.get_mut(id).filter(|r| r.life == Life::Ready) else {
            return;
        };
        runner.life = if runner.role == Role::Isolated { Life::Retiring } else { Life::Worn };
        let kind = runner.role.kind();
        let why = "an attempt in it does not end";
        self.happenings.push(Happening::RunnerRetired { runner: id.0, kind, why });
    }
}
