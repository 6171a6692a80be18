//! What the verdict says: data first, sentences made from it.

use std::fmt;

use serde::Serialize;

use super::cost::Prediction;
use super::estimate::Estimate;
use super::evidence::{Evidence, Sufficiency};
use super::thresholds::Rule;
use crate::job::{Lane, TaskName};
use crate::profile::{LagShare, Site, SizeBucket};

/// What kind of work a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It waits.
    IoBound,
    /// It computes.
    CpuBound,
    /// It does both.
    Mixed,
    /// It is over before a lane could help.
    Trivial,
    /// Nobody knows yet.
    Unknown,
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Change {
    /// Nothing.
    Keep,
    /// Nothing yet: there is too little evidence.
    CollectMore,
    /// Call the function where it is needed; no lane, no async.
    CallDirectly,
    /// Use an async library for what blocks.
    UseAsyncLibrary {
        /// Which.
        library: String,
    },
    /// Write `def` instead of `async def`.
    MakeDef,
    /// Take the blocking or computing part off the loop.
    Offload {
        /// To where.
        to: Lane,
    },
    /// Await more often: the work cannot leave its process.
    AwaitMoreOften,
    /// Run the same function in another lane.
    MoveLane {
        /// In which.
        to: Lane,
    },
    /// Run large and small arguments in different lanes.
    SplitBySize,
    /// A thread lane of width 1.
    SerialThread,
    /// Not the code: give the host more cores, or run fewer at once.
    RelieveHost,
}

/// How far to trust a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Two doubts or more, or no verdict.
    Low,
    /// One doubt.
    Medium,
    /// None.
    High,
}

/// A reason to trust a verdict less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Fewer runs than this task's spread asks for.
    FewRuns,
    /// The system does not tell waits for a core, so blocked times are upper bounds.
    RunDelayUnknown,
    /// The time to serialise was guessed from the number of bytes.
    EncodeGuessed,
    /// Waits for the GIL and blocking calls were not told apart.
    GilWaitUnknown,
    /// Nearly all of its runs were under way at once, and waited for each other.
    FewWaves,
    /// The task runs threads of its own.
    OwnThreads,
    /// Runs in the other lane were measured, and they were slower than the model says.
    MeasuredSlower,
    /// The auto lane tried the other lane, and it did harm there.
    MoveUndone,
    /// It often waits for a core, and would in another lane, too.
    ScarceCores,
    /// The share of waits for a core is close to the limit that acquits the code.
    NearlyEnoughCores,
}

impl Doubt {
    /// The doubt in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FewRuns => "fewer runs than the spread of this task asks for",
            Self::RunDelayUnknown => {
                "this system does not tell waits for a core, so blocked times are upper bounds"
            }
            Self::EncodeGuessed => "the time to serialise was guessed from the number of bytes",
            Self::GilWaitUnknown => "waits for the GIL and blocking calls were not told apart",
            Self::FewWaves => {
                "nearly all of its runs were under way at once in threads: what few such bursts \
                 do says little about the next one"
            }
            Self::OwnThreads => "the task runs threads of its own",
            Self::MeasuredSlower => "runs in the other lane were measured, and they were slower",
            Self::MoveUndone => "the auto lane tried the other lane, and took it back",
            Self::ScarceCores => {
                "it waits for a core much of the time, and in another lane it would wait, too"
            }
            Self::NearlyEnoughCores => {
                "the share of time spent waiting for a core is close to the limit"
            }
        }
    }
}

/// A quantity on which a verdict turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Runs seen.
    Runs,
    /// Wall time seen in all, in seconds.
    WallTotal,
    /// The 95th percentile of wall, in seconds.
    WallP95,
    /// The 95th percentile of blocked time, in seconds.
    BlockedP95,
    /// The 95th percentile of the longest step, in seconds.
    StepP95,
    /// The lag that the task causes, in seconds.
    Lag,
    /// The computing share of its own time.
    CpuShare,
    /// The computing share of wall.
    CpuShareOfWall,
    /// The blocked share of wall.
    BlockedShare,
    /// The share of wall spent waiting for a core.
    RunDelayShare,
    /// Cores that the lane uses.
    CoresUsed,
    /// CPU time a run, in seconds.
    CpuPerRun,
    /// Runs wanted at once.
    Concurrency,
    /// The lower end of the predicted gain.
    Gain,
}

impl Measure {
    const fn words(self) -> &'static str {
        match self {
            Self::Runs => "the number of runs",
            Self::WallTotal => "the time of all runs together",
            Self::WallP95 => "the p95 of wall time",
            Self::BlockedP95 => "the p95 of blocked time",
            Self::StepP95 => "the p95 of the longest step",
            Self::Lag => "the lag it causes on the loop",
            Self::CpuShare => "the CPU share of its own time",
            Self::CpuShareOfWall => "the CPU share of wall time",
            Self::BlockedShare => "the blocked share of wall time",
            Self::RunDelayShare => "the share of time spent waiting for a core",
            Self::CoresUsed => "the number of cores the lane uses",
            Self::CpuPerRun => "the CPU time a run",
            Self::Concurrency => "the number of runs wanted at once",
            Self::Gain => "the lower end of the predicted gain",
        }
    }

    fn value(self, value: f64) -> String {
        match self {
            Self::WallTotal
            | Self::WallP95
            | Self::BlockedP95
            | Self::StepP95
            | Self::Lag
            | Self::CpuPerRun => {
                crate::duration::format(crate::profile::nanos::from_seconds(value))
            }
            Self::CpuShare | Self::CpuShareOfWall | Self::BlockedShare | Self::RunDelayShare => {
                format!("{:.0} %", value * 100.0)
            }
            Self::Runs | Self::Concurrency => format!("{value:.0}"),
            Self::CoresUsed => format!("{value:.2}"),
            Self::Gain => format!("{value:.2}x"),
        }
    }
}

/// Which way a quantity would have to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Up.
    Above,
    /// Down.
    Below,
}

/// What would happen then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "then", content = "rule")]
pub enum Then {
    /// There would be a verdict.
    Verdict,
    /// This rule would apply.
    Applies(Rule),
    /// This rule would not apply any more.
    Lapses(Rule),
    /// This rule would advise something else.
    Changes(Rule),
}

/// A quantity and the value that it would have to reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limit {
    /// The quantity.
    pub measure: Measure,
    /// Its value now.
    pub now: f64,
    /// Where the verdict turns.
    pub threshold: f64,
    /// On which side.
    pub direction: Direction,
}

impl Limit {
    /// Whether the quantity has not yet passed it.
    fn is_ahead(&self) -> bool {
        match self.direction {
            Direction::Above => self.now <= self.threshold,
            Direction::Below => self.now >= self.threshold,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.direction {
            Direction::Above => "reached",
            Direction::Below => "fell below",
        };
        let (now, threshold) = (self.measure.value(self.now), self.measure.value(self.threshold));
        write!(f, "{} {verb} {threshold} (now {now})", self.measure.words())
    }
}

/// What would change the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TurningPoint {
    /// What would have to change.
    #[serde(flatten)]
    pub limit: Limit,
    /// What else would have to change with it, where that alone is not enough.
    pub and: Option<Limit>,
    /// Into what.
    #[serde(flatten)]
    pub then: Then,
}

impl TurningPoint {
    /// A point that one quantity decides.
    pub(super) const fn new(limit: Limit, then: Then) -> Self {
        Self { limit, and: None, then }
    }

    /// Whether the quantities have not yet passed the point.
    pub(super) fn is_ahead(&self) -> bool {
        self.limit.is_ahead() && self.and.is_none_or(|and| and.is_ahead())
    }
}

impl fmt::Display for TurningPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "if {}", self.limit)?;
        if let Some(and) = &self.and {
            write!(f, " and {and}")?;
        }
        f.write_str(", ")?;
        match self.then {
            Then::Verdict => f.write_str("there would be a verdict"),
            Then::Applies(rule) => {
                write!(f, "{} ({}) would apply", rule.as_str(), rule.entry().name)
            }
            Then::Lapses(rule) => {
                write!(f, "{} ({}) would no longer apply", rule.as_str(), rule.entry().name)
            }
            Then::Changes(rule) => {
                write!(f, "{} ({}) would advise another lane", rule.as_str(), rule.entry().name)
            }
        }
    }
}

/// The verdict for arguments of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeAdvice {
    /// The size.
    pub size_bucket: SizeBucket,
    /// Runs of that size.
    pub runs: u64,
    /// The kind of work they are.
    pub kind: Kind,
    /// The rule that decided.
    pub rule: Option<Rule>,
    /// A better lane for them.
    pub better_lane: Option<Lane>,
    /// What it would gain.
    pub gain: Option<Estimate>,
}

/// The verdict on one task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// The task.
    pub task: TaskName,
    /// The lane it runs in.
    pub lane: Lane,
    /// What kind of work it is.
    pub kind: Kind,
    /// The rule that decided; `None` when none applies and all is well.
    pub rule: Option<Rule>,
    /// The lane to move to; `None` when there is no better one, or none that the evidence can
    /// prove.
    pub better_lane: Option<Lane>,
    /// What to change.
    pub change: Change,
    /// What that changes; also for a move that was considered and not advised.
    pub prediction: Option<Prediction>,
    /// How far to trust this.
    pub confidence: Confidence,
    /// Why not further.
    pub doubts: Vec<Doubt>,
    /// How much evidence there is.
    pub sufficiency: Sufficiency,
    /// What would change the verdict.
    pub turning_points: Vec<TurningPoint>,
    /// The numbers.
    pub evidence: Evidence,
    /// The line that costs most.
    pub site: Option<Site>,
    /// What it does to others on its loop.
    pub lag: Option<LagShare>,
    /// The verdict by size of arguments, when sizes disagree.
    pub by_size: Vec<SizeAdvice>,
}

impl Advice {
    /// The verdict in one sentence, without a full stop.
    pub fn sentence(&self) -> String {
        let Sufficiency { runs, runs_needed, wall, wall_needed, .. } = self.sufficiency;
        match &self.change {
            Change::CollectMore if runs < runs_needed => {
                format!("not enough evidence ({runs} of {runs_needed} runs)")
            }
            Change::CollectMore => format!(
                "not enough evidence ({} of {} of run time)",
                crate::duration::format(wall),
                crate::duration::format(wall_needed)
            ),
            Change::Keep => format!("keep it in the {} lane", self.lane),
            Change::CallDirectly => String::from("call it directly: it needs no lane and no async"),
            Change::UseAsyncLibrary { library } => {
                format!("use `{library}` for the call that blocks")
            }
            Change::MakeDef => String::from("make it `def`: it never awaits"),
            Change::Offload { to } => format!("take it off the loop, into the {to} lane"),
            Change::AwaitMoreOften => {
                String::from("await more often: it computes too long in one step")
            }
            Change::MoveLane { to } => format!("move it to the {to} lane"),
            Change::SplitBySize => String::from("run large and small arguments in different lanes"),
            Change::SerialThread => {
                String::from("run it in a thread lane of width 1: it is not thread-safe")
            }
            Change::RelieveHost => String::from(
                "the host is starved, the code is not to blame: add cores or run fewer at once",
            ),
        }
    }
}
