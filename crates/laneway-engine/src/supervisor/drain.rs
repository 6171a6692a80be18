//! How a worker ends.

use std::time::Duration;

use laneway_core::error::Error;
use laneway_core::store::Outcome;

use super::stops::SHUTDOWN_GRACE;
use super::{Command, Course, Supervisor};
use crate::attempts::Stage;
use crate::clock::Moment;
use crate::deadlines::Due;
use crate::fleet::{Life, RunnerId};
use crate::observer::Happening;
use crate::protocol::StopReason;

/// The time after everything was killed in which the last settlements can reach the store.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Claims nothing more, gives back what has not started, and waits for the rest.
    pub(super) fn drain(&mut self, now: Moment) {
        if self.course != Course::Running {
            return;
        }
        self.course = Course::Draining;
        for number in self.attempts.numbers() {
            if self.attempts.get(number).is_some_and(|a| matches!(a.stage, Stage::Waiting(_))) {
                self.end_unreported(number, Outcome::Release, now);
            }
        }
        let unread = self.fleet.iter().filter(|runner| runner.unstarted > 0);
        self.commands.extend(unread.map(|runner| Command::TakeBack(runner.id)));
        let over = now.plus(self.options.drain_timeout);
        self.deadlines.add(over, Due::DrainTimeout);
        self.deadlines.add(over.plus(SHUTDOWN_GRACE).plus(LAST_WORDS), Due::GiveUp);
        self.happenings.push(Happening::Draining { running: self.attempts.len() });
    }

    pub(super) fn drain_timed_out(&mut self, now: Moment) {
        if self.attempts.is_empty() {
            return;
        }
        self.happenings.push(Happening::DrainTimedOut { running: self.attempts.len() });
        for number in self.attempts.numbers() {
            self.ask_to_stop(number, StopReason::Shutdown, now);
        }
    }

    /// Leaves whatever is left to the lease.
    pub(super) fn give_up(&mut self) {
        self.course = Course::GivenUp;
    }

    /// Drains because work cannot go on.
    pub(super) fn end_because_of(&mut self, error: Error, now: Moment) {
        self.fatal.get_or_insert(error);
        self.drain(now);
    }

    /// When nothing runs any more, the runners have nothing left to do.
    pub(super) fn end_idle_runners(&mut self, now: Moment) {
        if self.course != Course::Draining || !self.attempts.is_empty() {
            return;
        }
        let idle: Vec<RunnerId> = self
            .fleet
            .iter()
            .filter(|runner| !matches!(runner.life, Life::Ending | Life::Starting))
            .map(|runner| runner.id)
            .collect();
        for id in idle {
            self.end_runner(id, now);
        }
        let starting: Vec<RunnerId> =
            self.fleet.iter().filter(|r| r.life == Life::Starting).map(|r| r.id).collect();
        for id in starting {
            self.kill(id, crate::fleet::Doom::Disobeyed);
        }
    }

    fn is_store_quiet(&self) -> bool {
        self.settlements.unconfirmed() == 0 && !self.claims.is_under_way()
    }

    /// Whether the worker has ended.
    pub(crate) fn is_finished(&self) -> bool {
        match self.course {
            Course::Running => false,
            Course::GivenUp => true,
            Course::Draining => {
                self.attempts.is_empty()
                    && self.fleet.is_empty()
                    && (self.is_store_lost || self.is_store_quiet())
            }
        }
    }
}
