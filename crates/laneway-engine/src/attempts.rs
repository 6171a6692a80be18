//! The attempts that a worker holds: claimed, and not yet ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::id::{JobId, Token};
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::{Lane, Payload, QueueName, TaskName};
use laneway_core::policy::Policy;
use laneway_core::profile::SizeBucket;
use laneway_core::store::ClaimedJob;

use crate::clock::Moment;
use crate::deadlines::Due;
use crate::fleet::RunnerId;
use crate::lanes::LaneMap;
use crate::protocol::StopReason;
use crate::tasks::{KnownTask, TaskTable};

/// How far an attempt has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits here for a runner, with its arguments.
    Waiting(Payload),
    /// It was sent to a runner.
    Sent(RunnerId),
    /// Its runner has begun to run the task.
    Started(RunnerId, Moment),
}

/// An attempt.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) job: JobId,
    pub(crate) token: Token,
    pub(crate) task: TaskName,
    pub(crate) queue: QueueName,
    /// The task's place in the manifest of `table`.
    pub(crate) index: u32,
    pub(crate) table: Arc<TaskTable>,
    /// The lane whose slot it takes: the one it was claimed for, but for one that was moved.
    pub(crate) slot: Lane,
    /// The lane it runs in: the one its task is declared for now, or was moved to.
    pub(crate) lane: Lane,
    /// The size of its arguments, when its lane was chosen by what was measured.
    pub(crate) auto: Option<SizeBucket>,
    pub(crate) failures: u32,
    pub(crate) interrupts: u32,
    /// How often the job was handed back because its task was not known.
    pub(crate) handbacks: u32,
    pub(crate) policy: Arc<Policy>,
    /// How long the job had been ready when it was claimed.
    pub(crate) ready_for: Duration,
    pub(crate) claimed_at: Moment,
    /// When it was sent to its runner; until then, when it was claimed.
    pub(crate) sent_at: Moment,
    pub(crate) stage: Stage,
    pub(crate) stop: Option<StopReason>,
    /// Its entry among the deadlines.
    pub(crate) due: Option<(Moment, Due)>,
    /// Whether its session was lost, so that its end counts for nothing.
    pub(crate) is_fenced: bool,
}

impl Attempt {
    /// The attempt that a claim begins. `store_now` is the store's time of the claim.
    pub(crate) fn new(
        job: ClaimedJob,
        known: KnownTask,
        table: &Arc<TaskTable>,
        store_now: Timestamp,
        now: Moment,
    ) -> Self {
        Self {
            job: job.id,
            token: job.token,
            task: job.task,
            queue: job.queue,
            index: known.index,
            table: Arc::clone(table),
            slot: job.lane,
            lane: known.lane,
            auto: None,
            failures: job.failures,
            interrupts: job.interrupts,
            handbacks: job.handbacks,
            policy: job.policy,
            ready_for: store_now.since(job.ready_at),
            claimed_at: now,
            sent_at: now,
            stage: Stage::Waiting(job.args),
            stop: None,
            due: None,
            is_fenced: false,
        }
    }

    /// 1 for the job's first attempt.
    pub(crate) const fn number(&self) -> u32 {
        self.failures.saturating_add(self.interrupts).saturating_add(1)
    }

    pub(crate) const fn runner(&self) -> Option<RunnerId> {
        match self.stage {
            Stage::Waiting(_) => None,
            Stage::Sent(runner) | Stage::Started(runner, _) => Some(runner),
        }
    }

    pub(crate) const fn started_at(&self) -> Option<Moment> {
        match self.stage {
            Stage::Waiting(_) | Stage::Sent(_) => None,
            Stage::Started(_, at) => Some(at),
        }
    }

    /// Whether it must run with no other job beside it.
    ///
    /// One more interruption would make it poison. In a runner that it shares, another job's crash
    /// would be counted against it.
    pub(crate) fn needs_isolation(&self) -> bool {
        self.lane != Lane::Process
            && self.policy.on_interrupt == OnInterrupt::Retry
            && self.interrupts > 0
            && self.interrupts.saturating_add(1) >= self.policy.interrupts_max
    }
}

/// All attempts, by the supervisor's number.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    by_number: BTreeMap<u64, Attempt>,
    last: u64,
    held: LaneMap<usize>,
}

impl Attempts {
    pub(crate) fn insert(&mut self, attempt: Attempt) -> u64 {
        self.last += 1;
        *self.held.get_mut(attempt.slot) += 1;
        self.by_number.insert(self.last, attempt);
        self.last
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<Attempt> {
        let attempt = self.by_number.remove(&number)?;
        *self.held.get_mut(attempt.slot) -= 1;
        Some(attempt)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Attempt> {
        self.by_number.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Attempt> {
        self.by_number.get_mut(&number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Attempt)> {
        self.by_number.iter().map(|(number, attempt)| (*number, attempt))
    }

    /// The numbers of the attempts that a runner has.
    pub(crate) fn of_runner(&self, runner: RunnerId) -> Vec<u64> {
        self.iter().filter(|(_, a)| a.runner() == Some(runner)).map(|(number, _)| number).collect()
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.by_number.keys().copied().collect()
    }

    /// How many slots of a lane are taken.
    pub(crate) const fn held(&self, lane: Lane) -> usize {
        *self.held.get(lane)
    }

    /// How many have begun, by the lane in which they run.
    pub(crate) fn running(&self) -> LaneMap<usize> {
        let mut running = LaneMap::default();
        for attempt in self.by_number.values().filter(|attempt| attempt.started_at().is_some()) {
            *running.get_mut(attempt.lane) += 1;
        }
        running
    }

    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }
}
