//! Adding and deleting jobs.

use laneway_core::clock::Timestamp;
use laneway_core::id::Token;
use laneway_core::job;
use laneway_core::limit::Limit;
use laneway_core::store::{Due, Enqueued, JobRecord, NewJob, Prune};

use super::state::{Gate, Job, State};

impl State {
    pub(super) fn enqueue(&mut self, jobs: Vec<NewJob>, now: Timestamp) -> Vec<Enqueued> {
        jobs.into_iter().map(|new| self.enqueue_one(new, now)).collect()
    }

    fn enqueue_one(&mut self, new: NewJob, now: Timestamp) -> Enqueued {
        self.add(record(new, now), now)
    }

    pub(super) fn restore(&mut self, jobs: Vec<JobRecord>, now: Timestamp) -> Vec<Enqueued> {
        let restored = jobs.into_iter().map(|job| {
            let is_due = job.state == job::State::Scheduled && job.due_at.is_none();
            let state = if is_due { job::State::Ready } else { job.state };
            self.add(JobRecord { state, session: None, cancel_asked: false, ..job }, now)
        });
        restored.collect()
    }

    fn add(&mut self, record: JobRecord, now: Timestamp) -> Enqueued {
        let id = record.id;
        if self.jobs.contains_key(&id) {
            return Enqueued { id, created: false };
        }
        let holder = record.key_held().and_then(|key| {
            self.jobs.values().find(|job| job.holds(&record.task, key)).map(|job| job.record.id)
        });
        if let Some(id) = holder {
            return Enqueued { id, created: false };
        }
        if let Some(limit) = &record.limit {
            self.put_gate(limit);
        }
        self.paused.entry(record.queue.clone()).or_insert(false);
        self.sequence += 1;
        self.wake.ready = true;
        self.jobs.insert(id, Job::new(record, self.sequence, now));
        Enqueued { id, created: true }
    }

    /// Makes or updates the gate of a limit; the latest rate counts for all its jobs.
    fn put_gate(&mut self, limit: &Limit) {
        let tat = self.gates.get(&limit.key).map_or(Timestamp::default(), |gate| gate.tat);
        self.gates.insert(limit.key.clone(), Gate { rate: limit.rate, tat });
        let limits = self.jobs.values_mut().filter_map(|job| job.record.limit.as_mut());
        limits.filter(|other| other.key == limit.key).for_each(|other| other.rate = limit.rate);
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
    fn new(record: JobRecord, sequence: u64, now: Timestamp) -> Self {
        Self { record, sequence, ready_at: now, deadline: None, claim: (0, 0) }
    }
}

/// A new job as it will be seen.
fn record(new: NewJob, now: Timestamp) -> JobRecord {
    let due_at = match new.due {
        Due::Now => now,
        Due::After(wait) => now.plus(wait),
        Due::At(instant) => instant,
    };
    let is_later = due_at > now;
    JobRecord {
        id: new.id,
        task: new.task,
        queue: new.queue,
        lane: new.lane,
        priority: new.priority,
        state: if is_later { job::State::Scheduled } else { job::State::Ready },
        token: Token::default(),
        failures: 0,
        interrupts: 0,
        handbacks: 0,
        policy: new.policy,
        limit: new.limit.map(|limit| (*limit).clone()),
        unique: new.unique,
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
        unreadable: None,
    }
}
