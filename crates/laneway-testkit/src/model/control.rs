//! What people decide about jobs and queues.

use laneway_core::clock::Timestamp;
use laneway_core::id::JobId;
use laneway_core::job::{self, QueueName};
use laneway_core::store::{Cancelled, Requeued};
use laneway_core::transition::{self, Event};

use super::settle::cancelled;
use super::state::State;

impl State {
    pub(super) fn cancel(&mut self, id: JobId, now: Timestamp) -> Cancelled {
        let Some(job) = self.jobs.get_mut(&id) else {
            return Cancelled::Unknown;
        };
        if job.is_in(job::State::Running) {
            job.record.cancel_asked = true;
            self.wake.control = true;
            return Cancelled::Asked;
        }
        if transition::next(job.record.state, Event::Cancel).is_none() {
            return Cancelled::TooLate;
        }
        job.record.failure = Some(cancelled());
        self.apply(id, Event::Cancel, now);
        Cancelled::Done
    }

    pub(super) fn requeue(&mut self, id: JobId, now: Timestamp) -> Requeued {
        let Some(job) = self.jobs.get(&id) else {
            return Requeued::Unknown;
        };
        let state = job.record.state;
        let is_key_taken = job.record.unique.as_ref().is_some_and(|key| {
            let mut others = self.jobs.values().filter(|other| other.record.id != id);
            others.any(|other| other.holds(&job.record.task, key))
        });
        if is_key_taken || transition::next(state, Event::Requeue).is_none() {
            return Requeued::Refused(state);
        }
        let job = self.job_mut(id);
        job.record.failures = 0;
        job.record.interrupts = 0;
        job.record.handbacks = 0;
        self.apply(id, Event::Requeue, now);
        Requeued::Done
    }

    pub(super) fn set_paused(&mut self, queue: QueueName, is_paused: bool) {
        self.paused.insert(queue, is_paused);
        self.wake.control = true;
        self.wake.ready |= !is_paused;
    }

    pub(super) fn is_paused(&self, queue: &QueueName) -> bool {
        self.paused.get(queue).copied().unwrap_or(false)
    }
}
