//! What the auto lane did with a task, kept where its measurements are.

use serde::{Deserialize, Serialize};

use super::site::tail;
use crate::clock::Timestamp;
use crate::job::Lane;

/// The most events that are kept of a task and size, a whole move; the latest stay.
pub const MOVES_MAX: usize = 3;

/// The longest kept name of an exception that speaks against a lane, in bytes.
const HARM_BYTES_MAX: usize = 40;

/// What happened to a task's lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveKind {
    /// Some runs try the other lane.
    CanaryStarted {
        /// The lower end of the gain that was predicted.
        gain_low: f64,
    },
    /// The tried runs did harm; nothing moved, and the lane is locked.
    CanaryRejected {
        /// Why.
        harm: Harm,
    },
    /// The task moved.
    Moved,
    /// The move held what it promised, or did no harm.
    Kept {
        /// How many times cheaper a run became, in the geometric mean.
        gain: f64,
    },
    /// The move was taken back, and the lane is locked.
    Undone {
        /// Why.
        harm: Harm,
    },
}

/// What speaks against a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Harm {
    /// Runs cost this many times more there.
    Slower {
        /// How many times.
        factor: f64,
    },
    /// Runs raise there what they never raised here.
    NewError {
        /// The exception's type.
        kind: String,
    },
}

/// An event in the life of an auto lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// The lane that the task comes from.
    pub from: Lane,
    /// The lane that it goes to, or that was tried.
    pub to: Lane,
    /// What happened.
    pub kind: MoveKind,
    /// Runs that its worker had seen by then, in both lanes.
    pub runs: u64,
}

impl Move {
    /// Where the task runs since, but for runs that try the other lane.
    pub const fn lane_since(&self) -> Lane {
        match self.kind {
            MoveKind::CanaryStarted { .. } | MoveKind::CanaryRejected { .. } => self.from,
            MoveKind::Moved | MoveKind::Kept { .. } | MoveKind::Undone { .. } => self.to,
        }
    }

    /// The lane that did harm when it was tried.
    pub const fn refuted(&self) -> Option<Lane> {
        match self.kind {
            MoveKind::CanaryRejected { .. } => Some(self.to),
            MoveKind::Undone { .. } => Some(self.from),
            MoveKind::CanaryStarted { .. } | MoveKind::Moved | MoveKind::Kept { .. } => None,
        }
    }

    /// The event in a sentence, without its task.
    pub fn sentence(&self) -> String {
        let Self { from, to, runs, .. } = self;
        match &self.kind {
            MoveKind::CanaryStarted { gain_low } => format!(
                "after {runs} runs, one of twenty tries the {to} lane instead of the {from} lane: \
                 predicted to cost at least {gain_low:.1} times less"
            ),
            MoveKind::CanaryRejected { harm } => format!(
                "stays in the {from} lane for the life of this worker: tried in the {to} lane, {}",
                harm.clause()
            ),
            MoveKind::Moved => {
                format!("moved from the {from} lane to the {to} lane after {runs} runs")
            }
            MoveKind::Kept { gain } => format!(
                "keeps the {to} lane: a run costs {gain:.1} times less than in the {from} lane"
            ),
            MoveKind::Undone { harm } => format!(
                "back from the {from} lane to the {to} lane for the life of this worker: {}",
                harm.clause()
            ),
        }
    }

    /// With a name of an exception that keeps the bound.
    fn bounded(mut self) -> Self {
        if let MoveKind::CanaryRejected { harm } | MoveKind::Undone { harm } = &mut self.kind
            && let Harm::NewError { kind } = harm
        {
            *kind = tail(kind, HARM_BYTES_MAX).to_owned();
        }
        self
    }
}

impl Harm {
    fn clause(&self) -> String {
        match self {
            Self::Slower { factor } => format!("a run cost {factor:.1} times more"),
            Self::NewError { kind } => format!("it raised `{kind}`, which it never had before"),
        }
    }
}

/// The latest events of an auto lane, in their order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moves(Vec<Move>);

impl Moves {
    /// Adds an event.
    pub fn record(&mut self, event: Move) {
        let event = event.bounded();
        let key = |event: &Move| (event.at, event.runs, event.from, event.to);
        let place = self.0.partition_point(|known| key(known) < key(&event));
        if self.0.get(place) != Some(&event) {
            self.0.insert(place, event);
        }
        let surplus = self.0.len().saturating_sub(MOVES_MAX);
        self.0.drain(..surplus);
    }

    /// Adds what another one saw; what both saw counts once.
    pub fn merge(&mut self, other: &Self) {
        for event in &other.0 {
            self.record(event.clone());
        }
    }

    /// The events, the latest last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Move> {
        self.0.iter()
    }
}
