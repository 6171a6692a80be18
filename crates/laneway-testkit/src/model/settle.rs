//! Ends of attempts.

use laneway_core::clock::Timestamp;
use laneway_core::error::Code;
use laneway_core::id::{JobId, SessionId, Token};
use laneway_core::interrupt;
use laneway_core::job::{self, Failure};
use laneway_core::store::{Outcome, Progress, Settle, Settled, Settlement};
use laneway_core::transition::{self, Event};

use super::state::State;

impl State {
    pub(super) fn settle(&mut self, settle: Settle, now: Timestamp) -> Vec<Settled> {
        let session = settle.session;
        settle.entries.into_iter().map(|entry| self.settle_one(session, entry, now)).collect()
    }

    fn settle_one(&mut self, session: SessionId, entry: Settlement, now: Timestamp) -> Settled {
        if !self.holds(session, entry.job, entry.token) {
            return Settled::Stale;
        }
        let id = entry.job;
        if let Some(timing) = entry.timing {
            self.job_mut(id).record.wall = Some(timing.wall);
        }
        match entry.outcome {
            Outcome::Succeed(result) => {
                self.job_mut(id).record.result = Some(result);
                self.end(id, Event::Succeed, None, now);
            }
            Outcome::Retry { after, failure } => {
                self.job_mut(id).record.failures += 1;
                self.end(id, Event::Retry, Some(failure), now);
                self.schedule(id, now.plus(after));
            }
            Outcome::Fail(failure) => {
                self.job_mut(id).record.failures += 1;
                self.end(id, Event::Fail, Some(failure), now);
            }
            Outcome::Cancel(failure) => self.end(id, Event::Cancel, Some(failure), now),
            Outcome::Release => {
                let failure = self.job_mut(id).record.failure.clone();
                self.end(id, Event::Release, failure, now);
            }
            Outcome::HandBack { after } => {
                let job = self.job_mut(id);
                job.record.handbacks += 1;
                let failure = job.record.failure.clone();
                self.end(id, Event::Defer, failure, now);
                self.schedule(id, now.plus(after));
            }
            Outcome::Interrupt(failure) => {
                self.interrupt(id, failure, now);
            }
            Outcome::Park(failure) => self.end(id, Event::Park, Some(failure), now),
        }
        Settled::Accepted
    }

    /// Whether an open session runs the job under this token.
    fn holds(&self, session: SessionId, job: JobId, token: Token) -> bool {
        self.is_open(session)
            && self.jobs.get(&job).is_some_and(|job| {
                job.is_in(job::State::Running)
                    && job.record.session == Some(session)
                    && job.record.token == token
            })
    }

    /// Ends the attempt of a running job. A job that somebody wants cancelled does not come back.
    fn end(&mut self, id: JobId, event: Event, failure: Option<Failure>, now: Timestamp) {
        let job = self.job_mut(id);
        let next = transition::next(job.record.state, event);
        let comes_back = matches!(next, Some(job::State::Ready | job::State::Scheduled));
        if job.record.cancel_asked && comes_back {
            job.record.failure = Some(cancelled());
            self.apply(id, Event::Cancel, now);
        } else {
            job.record.failure = failure;
            self.apply(id, event, now);
        }
    }

    fn schedule(&mut self, id: JobId, due_at: Timestamp) {
        let job = self.job_mut(id);
        if job.is_in(job::State::Scheduled) {
            job.record.due_at = Some(due_at);
        }
    }

    /// Ends an attempt that ended without a word, and tells what became of the job.
    pub(super) fn interrupt(&mut self, id: JobId, cause: Failure, now: Timestamp) -> job::State {
        let record = &mut self.job_mut(id).record;
        record.interrupts += 1;
        let policy = record.policy.clone();
        let event =
            interrupt::event_after(policy.on_interrupt, record.interrupts, policy.interrupts_max);
        let failure = match event {
            Event::Fail => Failure::new(
                Code::JobPoisonous,
                format!("interrupted {} times, at last: {}", record.interrupts, cause.message),
            ),
            Event::Park => Failure::new(Code::OutcomeUnknown, cause.message),
            _ => cause,
        };
        self.end(id, event, Some(failure), now);
        self.job_mut(id).record.state
    }

    pub(super) fn report_progress(&mut self, session: SessionId, reports: Vec<Progress>) {
        for report in reports {
            if self.holds(session, report.job, report.token) {
                let progress = (report.done, report.of, report.note);
                self.job_mut(report.job).record.progress = Some(progress);
            }
        }
    }
}

/// Why a job that was cancelled before its attempt ended did not succeed.
pub(super) fn cancelled() -> Failure {
    Failure::new(Code::JobCancelled, "somebody asked to cancel it")
}
