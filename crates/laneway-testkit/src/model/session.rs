//! Sessions, and what time has overtaken.

use std::collections::BTreeSet;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{self, Failure};
use laneway_core::store::{OpenSession, RenewSession, Renewed, Sweep, Swept};

use super::claim::session_lost;
use super::state::{Session, State};

impl State {
    pub(super) fn is_open(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|session| !session.is_swept)
    }

    pub(super) fn open_session_mut(&mut self, id: SessionId) -> Result<&mut Session, Error> {
        let session = self.sessions.get_mut(&id).filter(|session| !session.is_swept);
        session.ok_or_else(|| session_lost(id))
    }

    pub(super) fn open_session(&mut self, open: OpenSession, now: Timestamp) {
        let expires_at = now.plus(open.lease);
        if let Ok(session) = self.open_session_mut(open.session) {
            session.expires_at = expires_at;
            return;
        }
        self.close_session(open.session, now);
        let session = Session {
            worker: open.worker,
            opened_at: now,
            expires_at,
            condition: String::new(),
            calls: BTreeSet::new(),
            profile_call: 0,
            is_swept: false,
        };
        self.sessions.insert(open.session, session);
    }

    pub(super) fn renew_session(
        &mut self,
        renew: RenewSession,
        now: Timestamp,
    ) -> Result<Renewed, Error> {
        let session = self.open_session_mut(renew.session)?;
        session.expires_at = now.plus(renew.lease);
        session.condition = renew.condition;
        let held = self.held_by(renew.session).filter(|job| job.record.cancel_asked);
        let cancel = held.map(|job| (job.record.id, job.record.token)).collect();
        Ok(Renewed { cancel, outdated: None })
    }

    pub(super) fn close_session(&mut self, session: SessionId, now: Timestamp) {
        for id in self.ids_where(|job| job.record.session == Some(session)) {
            let lost = self.lease_lost(session);
            self.interrupt(id, lost, now);
        }
        self.sessions.remove(&session);
    }

    pub(super) fn sweep(&mut self, sweep: Sweep, now: Timestamp) -> Swept {
        let mut swept = Swept::default();
        for session in self.sessions.values_mut() {
            if !session.is_swept && session.expires_at <= now {
                session.is_swept = true;
                swept.sessions_expired += 1;
            }
        }
        let overtaken = self.overtaken(now);
        let mut left = sweep.jobs_max;
        swept.more = overtaken.len() > left;
        for (id, cause) in overtaken.into_iter().take(sweep.jobs_max) {
            left -= 1;
            match self.interrupt(id, cause, now) {
                job::State::Parked => swept.parked += 1,
                job::State::Failed => swept.failed += 1,
                job::State::Ready => swept.released += 1,
                _ => {}
            }
        }
        let held: BTreeSet<_> = self.jobs.values().filter_map(|job| job.record.session).collect();
        self.sessions.retain(|id, session| !session.is_swept || held.contains(id));
        swept.promoted = self.promote(left, now);
        swept.more |= self.jobs.values().any(|job| job.is_due(now));
        swept
    }

    /// The running jobs whose session or deadline has passed, and why they are interrupted.
    fn overtaken(&self, now: Timestamp) -> Vec<(JobId, Failure)> {
        let running = self.ids_where(|job| job.is_in(job::State::Running));
        running
            .into_iter()
            .filter_map(|id| {
                let job = self.jobs.get(&id)?;
                let session = job.record.session?;
                if !self.is_open(session) {
                    return Some((id, self.lease_lost(session)));
                }
                job.deadline.filter(|deadline| *deadline <= now)?;
                let cause = "the attempt did not end although its time was over";
                Some((id, Failure::new(Code::AttemptTimedOut, cause)))
            })
            .collect()
    }

    fn lease_lost(&self, session: SessionId) -> Failure {
        let worker = self.sessions.get(&session).map_or("?", |session| session.worker.as_str());
        let message = format!("the worker `{worker}` stopped renewing its lease");
        Failure::new(Code::RunnerDied, message)
    }
}
