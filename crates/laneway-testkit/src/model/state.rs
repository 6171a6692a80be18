//! What the model keeps, and the one way in which a job changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{self, QueueName};
use laneway_core::limit::Rate;
use laneway_core::profile::{Profile, ProfileKey};
use laneway_core::store::{JobRecord, UniqueKey, Wake};
use laneway_core::transition::{self, Event};
use laneway_core::verdict::{Calibration, TaskFacts};

#[derive(Default)]
pub(super) struct State {
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) gates: BTreeMap<String, Gate>,
    pub(super) paused: BTreeMap<QueueName, bool>,
    /// The applications that tasks belong to, and what is known of the tasks.
    pub(super) owners: BTreeMap<job::TaskName, (String, TaskFacts)>,
    pub(super) calibrations: BTreeMap<String, Calibration>,
    /// What was measured, by the number of the period.
    pub(super) profiles: BTreeMap<(i64, ProfileKey), Profile>,
    /// The number of the last enqueued job.
    pub(super) sequence: u64,
    /// What the verb under way has changed.
    pub(super) wake: Wake,
}

pub(super) struct Job {
    pub(super) record: JobRecord,
    /// Its place in the order of enqueueing; kept for life.
    pub(super) sequence: u64,
    pub(super) ready_at: Timestamp,
    /// When a running job is interrupted although its session lives.
    pub(super) deadline: Option<Timestamp>,
    /// The claim that took it, and its place in the answer.
    pub(super) claim: (u64, usize),
}

pub(super) struct Session {
    pub(super) worker: String,
    pub(super) opened_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) condition: String,
    /// Numbers of the claims that were made.
    pub(super) calls: BTreeSet<u64>,
    /// The number of the last profiles that were added.
    pub(super) profile_call: u64,
    /// Whether it has expired and was swept, while some of its jobs are still to be interrupted.
    pub(super) is_swept: bool,
}

/// The gate in front of all jobs that share a limit.
pub(super) struct Gate {
    pub(super) rate: Rate,
    pub(super) tat: Timestamp,
}

/// The time beyond timeout and grace after which a job's attempt counts as hung.
pub(super) const DEADLINE_MARGIN: Duration = Duration::from_secs(60);

impl Job {
    pub(super) fn is_in(&self, state: job::State) -> bool {
        self.record.state == state
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.is_in(job::State::Scheduled) && self.record.due_at.is_some_and(|due| due <= now)
    }

    /// Whether it keeps others from taking the unique key.
    pub(super) fn holds(&self, task: &job::TaskName, key: &UniqueKey) -> bool {
        self.record.key_held() == Some(key) && self.record.task == *task
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.record.state.is_terminal()
    }
}

impl State {
    pub(super) fn job_mut(&mut self, id: JobId) -> &mut Job {
        self.jobs.get_mut(&id).expect("the verb has looked the job up")
    }

    /// The ids of the jobs for which `condition` holds, in order of enqueueing.
    pub(super) fn ids_where(&self, condition: impl Fn(&Job) -> bool) -> Vec<JobId> {
        let mut found: Vec<_> = self.jobs.values().filter(|job| condition(job)).collect();
        found.sort_by_key(|job| job.sequence);
        found.into_iter().map(|job| job.record.id).collect()
    }

    /// Lets an event happen to a job whose state allows it, and sees to all that depends on the
    /// state alone.
    pub(super) fn apply(&mut self, id: JobId, event: Event, now: Timestamp) {
        let job = self.job_mut(id);
        let state = transition::next(job.record.state, event).expect("a legal change");
        job.record.state = state;
        job.record.due_at = None;
        if state != job::State::Running {
            job.record.session = None;
            job.record.cancel_asked = false;
            job.deadline = None;
        }
        if state == job::State::Ready {
            job.ready_at = now;
            job.record.finished_at = None;
        }
        if state.is_terminal() || state == job::State::Parked {
            job.record.finished_at = Some(now);
            self.wake.finished.push(id);
        } else if state != job::State::Running {
            self.wake.ready = true;
        }
    }

    /// Makes at most `jobs_max` due jobs ready. They count as ready since they were due.
    pub(super) fn promote(&mut self, jobs_max: usize, now: Timestamp) -> usize {
        let due: Vec<_> =
            self.ids_where(|job| job.is_due(now)).into_iter().take(jobs_max).collect();
        for id in &due {
            let due_at = self.job_mut(*id).record.due_at.expect("a scheduled job has a due time");
            self.apply(*id, Event::Promote, due_at);
        }
        due.len()
    }
}
