//! Adding and deleting jobs.

use laneway_core::clock::Timestamp;
use laneway_core::id::Token;
use laneway_core::job;
use laneway_core::store::{Due, Enqueued, JobRecord, NewJob, Prune};

use super::state::{Gate, Job, State};

impl State {
    pub(super) fn enqueue(&mut self, jobs: Vec<NewJob>, now: Timestamp) -> Vec<Enqueued> {
        jobs.into_iter().map(|new| self.enqueue_one(new, now)).collect()
    }

    fn enqueue_one(&mut self, new: NewJob, now: Timestamp) -> Enqueued {
        if self.jobs.contains_key(&new.id) {
            return Enqueued { id: new.id, created: false };
        }
        let holder = new.unique.as_ref().and_then(|key| {
            self.jobs.values().find(|job| job.holds(&new.task, key)).map(|job| job.record.id)
        });
        if let Some(id) = holder {
            return Enqueued { id, created: false };
        }
        if let Some(limit) = &new.limit {
            let tat = self.gates.get(&limit.key).map_or(Timestamp::default(), |gate| gate.tat);
            self.gates.insert(limit.key.clone(), Gate { rate: limit.rate, tat });
        }
        self.paused.entry(new.queue.clone()).or_insert(false);
        self.sequence += 1;
        self.wake.ready = true;
        let id = new.id;
        self.jobs.insert(id, Job::new(new, self.sequence, now));
        Enqueued { id, created: true }
    }

    pub(super) fn prune(&mut self, prune: Prune, now: Timestamp) -> usize {
        let ended_before = now.minus(prune.older_than);
        let mut old: Vec<_> = self
            .jobs
            .values()
            .filter(|job| job.is_terminal())
            .filter_map(|job| job.record.finished_at.map(|at| (at, job.record.id)))
            .filter(|(finished_at, _)| *finished_at < ended_before)
            .collect();
        old.sort_unstable();
        old.truncate(prune.jobs_max);
        for (_, id) in &old {
            self.jobs.remove(id);
        }
        old.len()
    }
}

impl Job {
    fn new(new: NewJob, sequence: u64, now: Timestamp) -> Self {
        let due_at = match new.due {
            Due::Now => now,
            Due::After(wait) => now.plus(wait),
            Due::At(instant) => instant,
        };
        let is_later = due_at > now;
        let record = JobRecord {
            id: new.id,
            task: new.task,
            queue: new.queue,
            lane: new.lane,
            priority: new.priority,
            state: if is_later { job::State::Scheduled } else { job::State::Ready },
            token: Token::default(),
            failures: 0,
            interrupts: 0,
            policy: new.policy,
            limit_key: new.limit.map(|limit| limit.key.clone()),
            enqueued_at: now,
            due_at: is_later.then_some(due_at),
            claimed_at: None,
            finished_at: None,
            wall: None,
            session: None,
            cancel_asked: false,
            progress: None,
            failure: None,
            args: new.args,
            result: None,
        };
        Self {
            record,
            sequence,
            unique: new.unique,
            handbacks: 0,
            ready_at: now,
            deadline: None,
            claim: (0, 0),
        }
    }
}
