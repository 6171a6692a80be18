//! The runners of a worker, as the supervisor sees them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::protocol::{RunnerKind, StopReason, Stuck};
use crate::tasks::TaskTable;

/// A loop that has not answered for so long is blocked.
pub(crate) const LOOP_PATIENCE: Duration = Duration::from_secs(1);

/// The supervisor's number of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RunnerId(pub(crate) u32);

/// What a runner is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// The async and the thread lane.
    Main,
    /// The same, one job at a time: for jobs that were interrupted so often that once more would
    /// make them poison. Alone, they cannot be blamed for what another job does.
    Isolated,
    /// The process lane.
    Process,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Main, Self::Isolated, Self::Process];

    pub(crate) const fn kind(self) -> RunnerKind {
        match self {
            Self::Main | Self::Isolated => RunnerKind::Main,
            Self::Process => RunnerKind::Process,
        }
    }
}

/// Where a runner is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    /// It imports the application.
    Starting,
    /// It takes work.
    Ready,
    /// It takes work until its replacement is ready.
    Worn,
    /// It takes no more work and finishes what it has.
    Retiring,
    /// It was told to end, or killed.
    Ending,
}

/// Why a runner was killed by its supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doom {
    /// An attempt did not stop when it was asked to, or the runner did not end.
    Disobeyed,
    /// Its session was lost, and so were its attempts.
    Fenced,
    /// It used too much memory: its resident bytes.
    Memory(u64),
    /// It was not ready in time, or spoke another protocol.
    Unusable,
}

/// A runner.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) id: RunnerId,
    pub(crate) role: Role,
    pub(crate) life: Life,
    pub(crate) table: Option<Arc<TaskTable>>,
    pub(crate) started_at: Moment,
    pub(crate) ready_at: Option<Moment>,
    /// Attempts that it has.
    pub(crate) held: usize,
    /// Whether one of them may take long, so that nothing may wait behind it.
    pub(crate) holds_long: bool,
    /// Those of them that it has not begun.
    pub(crate) unstarted: usize,
    /// Attempts that were settled without it, because they did not stop.
    pub(crate) abandoned: usize,
    /// Attempts that it has ended.
    pub(crate) ended: u64,
    /// When its last attempt ended.
    pub(crate) ended_at: Moment,
    /// The ping that it has not answered.
    pub(crate) ping: Option<Ping>,
    /// What blocks its loop, as it was last told.
    pub(crate) standstill: Option<Standstill>,
    /// For how long its loop did not turn and how many jobs waited for it when that was noticed,
    /// until it is told.
    pub(crate) untold_block: Option<(Duration, usize)>,
    pub(crate) doom: Option<Doom>,
    /// Whether a look at what waits in its socket is among the deadlines.
    pub(crate) is_watched: bool,
}

/// A ping without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ping {
    pub(crate) number: u64,
    pub(crate) sent_at: Moment,
    /// Whether its lateness was noticed and what could be taken back was taken back.
    pub(crate) is_noticed: bool,
}

/// A step that blocks a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standstill {
    pub(crate) stuck: Stuck,
    /// When that was so.
    pub(crate) seen_at: Moment,
    /// For how long its attempt had run by then.
    pub(crate) ran_for: Duration,
    /// Why its attempt was asked to stop.
    pub(crate) stop: Option<StopReason>,
}

impl Runner {
    pub(crate) const fn new(id: RunnerId, role: Role, now: Moment) -> Self {
        Self {
            id,
            role,
            life: Life::Starting,
            table: None,
            started_at: now,
            ready_at: None,
            held: 0,
            holds_long: false,
            unstarted: 0,
            abandoned: 0,
            ended: 0,
            ended_at: now,
            ping: None,
            standstill: None,
            untold_block: None,
            doom: None,
            is_watched: false,
        }
    }

    /// For how long its loop has not turned, when that is too long.
    pub(crate) fn blocked_for(&self, now: Moment) -> Option<Duration> {
        self.ping.map(|ping| now.since(ping.sent_at)).filter(|late| *late >= LOOP_PATIENCE)
    }

    /// An attempt has ended, and so has the step of it that blocked the loop.
    pub(crate) fn ended_step_of(&mut self, attempt: u64) {
        self.standstill.take_if(|standstill| standstill.stuck.attempt == attempt);
    }

    pub(crate) const fn takes_work(&self) -> bool {
        matches!(self.life, Life::Ready | Life::Worn)
    }

    /// Whether one more attempt may wait here, where at most `depth` may be at once.
    pub(crate) const fn room_behind(&self, depth: usize) -> bool {
        self.held == 0 || (self.held < depth && !self.holds_long)
    }
}

/// All runners that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    by_id: BTreeMap<RunnerId, Runner>,
    last: u32,
}

impl Fleet {
    pub(crate) fn start(&mut self, role: Role, now: Moment) -> RunnerId {
        self.last += 1;
        let id = RunnerId(self.last);
        self.by_id.insert(id, Runner::new(id, role, now));
        id
    }

    pub(crate) fn remove(&mut self, id: RunnerId) -> Option<Runner> {
        self.by_id.remove(&id)
    }

    pub(crate) fn get(&self, id: RunnerId) -> Option<&Runner> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: RunnerId) -> Option<&mut Runner> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Runner> {
        self.by_id.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Runner> {
        self.by_id.values_mut()
    }

    pub(crate) fn of_role(&self, role: Role) -> impl Iterator<Item = &Runner> {
        self.iter().filter(move |runner| runner.role == role)
    }

    /// The main runner for new work: the newest whose loop turns, rather not a worn one.
    pub(crate) fn main_for_work(&self, now: Moment) -> Option<&Runner> {
        self.of_role(Role::Main)
            .filter(|runner| runner.takes_work() && runner.blocked_for(now).is_none())
            .max_by_key(|runner| (runner.life == Life::Ready, runner.id))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
