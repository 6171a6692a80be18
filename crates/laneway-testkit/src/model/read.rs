//! Answers that change nothing.

use laneway_core::clock::Timestamp;
use laneway_core::id::JobId;
use laneway_core::job::{self, Payload};
use laneway_core::store::{
    Finished, JobRecord, ListJobs, Page, QueueRecord, SessionRecord, StateCounts,
};

use super::state::State;

impl State {
    pub(super) fn finished(&self, ids: &[JobId]) -> Vec<Finished> {
        ids.iter()
            .filter_map(|id| self.jobs.get(id))
            .filter(|job| job.is_terminal() || job.is_in(job::State::Parked))
            .map(|job| Finished {
                id: job.record.id,
                state: job.record.state,
                result: job.record.result.clone(),
                failure: job.record.failure.clone(),
            })
            .collect()
    }

    pub(super) fn list(&self, list: &ListJobs) -> Page {
        let is_wanted = |record: &&JobRecord| {
            (list.states.is_empty() || list.states.contains(&record.state))
                && list.queue.as_ref().is_none_or(|queue| *queue == record.queue)
                && list.task.as_ref().is_none_or(|task| *task == record.task)
                && list.after.is_none_or(|after| record.id < after)
        };
        let newest_first = self.jobs.values().rev().map(|job| &job.record);
        let mut found = newest_first.filter(is_wanted).peekable();
        let jobs: Vec<_> = found
            .by_ref()
            .take(list.jobs_max)
            .map(|record| JobRecord { args: Payload::default(), result: None, ..record.clone() })
            .collect();
        let has_more = found.peek().is_some();
        let next = jobs.last().map(|job| job.id).filter(|_| has_more);
        Page { jobs, next }
    }

    pub(super) fn queues(&self, now: Timestamp) -> Vec<QueueRecord> {
        let record = |(name, is_paused): (&job::QueueName, &bool)| {
            let mut counts = StateCounts::default();
            let jobs = || self.jobs.values().filter(|job| job.record.queue == *name);
            for job in jobs() {
                *counts.get_mut(job.record.state) += 1;
            }
            let ready = jobs().filter(|job| job.is_in(job::State::Ready));
            let oldest = ready.map(|job| job.ready_at).min();
            QueueRecord {
                name: name.clone(),
                is_paused: *is_paused,
                counts,
                oldest_ready: oldest.map(|ready_at| now.since(ready_at)),
            }
        };
        self.paused.iter().map(record).collect()
    }

    pub(super) fn sessions(&self) -> Vec<SessionRecord> {
        let open = self.sessions.iter().filter(|(_, session)| !session.is_swept);
        let mut records: Vec<_> = open
            .map(|(id, session)| SessionRecord {
                session: *id,
                worker: session.worker.clone(),
                opened_at: session.opened_at,
                expires_at: session.expires_at,
                running: self.held_by(*id).count() as u64,
                condition: session.condition.clone(),
            })
            .collect();
        records.sort_by_key(|record| record.opened_at);
        records
    }
}
