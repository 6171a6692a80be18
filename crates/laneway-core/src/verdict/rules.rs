//! The rules R0 to R8. Each looks at one task in its lane and says what it found, or nothing.

use super::advice::{Change, Direction, Limit, Measure, Then, TurningPoint};
use super::cost::{CostModel, Prediction, Target, queues_for_gil};
use super::estimate::Estimate;
use super::evidence::{Evidence, Sufficiency};
use super::facts::{Calibration, Form, TaskFacts};
use super::libraries::{Blamed, WaitsIn, blamed, only_twin};
use super::thresholds::{
    BLOCKED_P95, CONTENDED_SHARE, CORES_USED_BOUND_HIGH, CORES_USED_BOUND_LOW, CPU_SHARE_MIN,
    CPU_STEP_P95, GAIN_MIN, LAG, MANY_WAITS, NEEDLESS_RUNS_MIN, OWN_THREADS_SHARE,
    PROCESS_CPU_SHARE, PROCESS_DISPATCHES, QUEUE_WAIT, RUN_DELAY_BAND, RUN_DELAY_SHARE, Rule,
    SHORT_RUN_WALL, TRIVIAL_DISPATCHES, WAITING_SHARE,
};
use crate::job::Lane;
use crate::profile::nanos::approximate;
use crate::profile::{Blockage, LagShare, Profile};

/// One task in its lane, or its runs of one size.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) profile: &'a Profile,
    pub(super) evidence: &'a Evidence,
    pub(super) sufficiency: Sufficiency,
    pub(super) facts: &'a TaskFacts,
    pub(super) calibration: &'a Calibration,
    pub(super) lag: Option<&'a LagShare>,
    pub(super) costs: CostModel,
}

/// What a rule found.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) better_lane: Option<Lane>,
    pub(super) change: Change,
    pub(super) prediction: Option<Prediction>,
    pub(super) turning_points: Vec<TurningPoint>,
}

impl Finding {
    const fn new(rule: Rule, change: Change) -> Self {
        Self { rule, better_lane: None, change, prediction: None, turning_points: Vec::new() }
    }

    fn to(mut self, lane: Lane, prediction: Prediction) -> Self {
        self.better_lane = Some(lane);
        self.prediction = Some(prediction);
        self
    }

    fn lapses(mut self, measure: Measure, now: f64, threshold: f64, direction: Direction) -> Self {
        let limit = Limit { measure, now, threshold, direction };
        self.turning_points.push(TurningPoint::new(limit, Then::Lapses(self.rule)));
        self
    }

    /// Lapses when all of its conditions do that hold, which are one or two.
    fn lapses_without(mut self, holding: impl IntoIterator<Item = Limit>) -> Self {
        let mut holding = holding.into_iter();
        if let Some(limit) = holding.next() {
            let then = Then::Lapses(self.rule);
            self.turning_points.push(TurningPoint { limit, and: holding.next(), then });
        }
        self
    }

    /// Whether it may stand: it changes no more than words, or its gain clears the dead band.
    pub(super) fn is_clear(&self) -> bool {
        self.prediction.is_none_or(|prediction| prediction.clears())
    }

    /// The turning point of a rule that applies and gains too little.
    pub(super) fn near_miss(&self) -> Option<TurningPoint> {
        let now = self.prediction?.gain.low;
        let (measure, direction) = (Measure::Gain, Direction::Above);
        let limit = Limit { measure, now, threshold: GAIN_MIN, direction };
        (now < GAIN_MIN).then_some(TurningPoint::new(limit, Then::Applies(self.rule)))
    }
}

type Check = fn(&Case<'_>) -> Option<Finding>;

/// The rules in their order, as in [`RULES`](super::thresholds::RULES).
///
/// The rules about an event loop come before the one that acquits: they look at times without waits
/// for a core, and those a starved host cannot make longer. What blocks its loop blocks it on any
/// host.
pub(super) const CHECKS: [Check; 9] = [
    needs_one_thread,
    blocking_in_async,
    computing_in_async,
    needless_async,
    starved_host,
    process_wasted,
    gil_bound,
    keep_simple,
    many_waits,
];

fn needs_one_thread(case: &Case<'_>) -> Option<Finding> {
    let is_shared = case.facts.lane == Lane::Thread && case.evidence.concurrency > 1.0;
    (case.facts.is_thread_unsafe && is_shared).then(|| Finding::new(Rule::R8, Change::SerialThread))
}

/// Acquits the code. The doubt is in its favour: the share itself decides, not its lower bound.
fn starved_host(case: &Case<'_>) -> Option<Finding> {
    let share = case.starved_share();
    let is_starved = case.sufficiency.is_enough() && share > RUN_DELAY_SHARE;
    is_starved.then(|| {
        Finding::new(Rule::R7, Change::RelieveHost).lapses(
            Measure::RunDelayShare,
            share,
            RUN_DELAY_SHARE,
            Direction::Below,
        )
    })
}

fn blocking_in_async(case: &Case<'_>) -> Option<Finding> {
    if case.facts.lane != Lane::Async || !case.sufficiency.is_enough() {
        return None;
    }
    let is_known =
        case.facts.blocking_call.is_some() || case.profile.sites.worst(&[Blockage::Call]).is_some();
    // Whoever holds the GIL may be the one who waits for a core.
    let may_be_gil = !is_known && case.evidence.own_blocked_share.is_none();
    if may_be_gil && case.starved_share() > RUN_DELAY_SHARE {
        return None;
    }
    let p95 = case.blocked_p95().low;
    if p95 < BLOCKED_P95 && !is_known {
        return None;
    }
    // A library changes nothing for what computes more than it waits.
    let library = case.async_twin().filter(|_| case.costs.blocked.likely >= case.costs.cpu.likely);
    let (target, change) = if let Some(library) = library {
        (Target::AsyncLibrary, Change::UseAsyncLibrary { library })
    } else {
        let target = case.costs.off_the_loop(case.may_leave_process());
        (target, Change::Offload { to: target.lane() })
    };
    let prediction = case.costs.predict(Lane::Async, target);
    let mut finding = Finding::new(Rule::R1, change);
    if p95 >= BLOCKED_P95 {
        finding = finding.lapses(Measure::BlockedP95, p95, BLOCKED_P95, Direction::Below);
    }
    if target == Target::AsyncLibrary {
        // The lane stays; it is the code that changes.
        finding.prediction = Some(prediction);
        return Some(finding);
    }
    Some(finding.to(target.lane(), prediction))
}

fn computing_in_async(case: &Case<'_>) -> Option<Finding> {
    if case.facts.lane != Lane::Async || !case.sufficiency.is_enough() {
        return None;
    }
    let step = Estimate::quantile_of(&case.profile.step_max, 0.95).low;
    let step = step.min(Estimate::quantile_of(&case.profile.cpu, 0.95).low);
    let lag = case.lag.map_or(0.0, |lag| lag.lag.as_secs_f64());
    let is_mostly_cpu = case.costs.cpu.likely >= case.costs.blocked.likely;
    let [step, lag] = [(Measure::StepP95, step, CPU_STEP_P95), (Measure::Lag, lag, LAG)].map(
        |(measure, now, threshold)| {
            let limit = Limit { measure, now, threshold, direction: Direction::Below };
            (now >= threshold).then_some(limit)
        },
    );
    if !is_mostly_cpu || step.or(lag).is_none() {
        return None;
    }
    let turning = |finding: Finding| finding.lapses_without(step.into_iter().chain(lag));
    let is_alone = case.costs.is_gil_held() && !case.runs_own_threads();
    let target = if is_alone { Target::Process } else { Target::Thread };
    if target == Target::Process && !case.may_leave_process() {
        return Some(turning(Finding::new(Rule::R2, Change::AwaitMoreOften)));
    }
    // Many that come together make a long line of steps that are each too short for a process.
    if case.is_too_small(target) {
        return None;
    }
    let prediction = case.costs.predict(Lane::Async, target);
    let finding = Finding::new(Rule::R2, Change::Offload { to: target.lane() });
    Some(turning(finding.to(target.lane(), prediction)))
}

fn needless_async(case: &Case<'_>) -> Option<Finding> {
    let is_needless = case.facts.form == Form::AsyncDef
        && case.facts.has_await == Some(false)
        && approximate(case.sufficiency.runs) >= NEEDLESS_RUNS_MIN;
    is_needless.then(|| case.plain_finding().unwrap_or(Finding::new(Rule::R3, Change::MakeDef)))
}

fn process_wasted(case: &Case<'_>) -> Option<Finding> {
    let can_move = case.facts.lane == Lane::Process
        && case.sufficiency.is_enough()
        && !case.facts.is_thread_unsafe
        && !case.runs_own_threads();
    if !can_move {
        return None;
    }
    let cpu = case.costs.cpu.high;
    let round_trip = case.calibration.process_dispatch.as_secs_f64();
    let share = cpu / Estimate::mean_of(&case.profile.wall).low.max(1e-9);
    let holding: Vec<Limit> = [
        (Measure::CpuPerRun, cpu, PROCESS_DISPATCHES * round_trip),
        (Measure::CpuShareOfWall, share, PROCESS_CPU_SHARE),
    ]
    .into_iter()
    .filter(|(_, now, threshold)| now < threshold)
    .map(|(measure, now, threshold)| Limit { measure, now, threshold, direction: Direction::Above })
    .collect();
    if holding.is_empty() {
        return None;
    }
    let finding =
        Finding::new(Rule::R5, Change::MoveLane { to: Lane::Thread }).lapses_without(holding);
    Some(finding.to(Lane::Thread, case.costs.predict(Lane::Process, Target::Thread)))
}

fn keep_simple(case: &Case<'_>) -> Option<Finding> {
    if case.facts.form != Form::Def || !case.sufficiency.has_runs() {
        return None;
    }
    let finding = Finding::new(Rule::R0, Change::CallDirectly);
    let p95 = Estimate::quantile_of(&case.profile.wall, 0.95).high;
    let trivial = TRIVIAL_DISPATCHES * case.calibration.thread_dispatch.as_secs_f64();
    let total = case.sufficiency.wall.as_secs_f64();
    let is_alone = case.evidence.concurrency <= 1.0;
    let holds = |applies, measure, now, threshold| {
        let limit = Limit { measure, now, threshold, direction: Direction::Above };
        (applies && now < threshold).then_some(limit)
    };
    let is_trivial = holds(true, Measure::WallP95, p95, trivial);
    let is_short = holds(is_alone, Measure::WallTotal, total, SHORT_RUN_WALL);
    let is_simple = is_trivial.or(is_short).is_some();
    is_simple.then(|| finding.lapses_without(is_trivial.into_iter().chain(is_short)))
}

fn gil_bound(case: &Case<'_>) -> Option<Finding> {
    let cores_used = case.evidence.cores_used?;
    let share = case.own_cpu_share_low();
    // Few cores may mean that attempts wait for something else, unless what they wait for is known.
    let is_gil_wait_known = case.evidence.own_blocked_share.is_some();
    let is_bound = (CORES_USED_BOUND_LOW..=CORES_USED_BOUND_HIGH).contains(&cores_used)
        || (is_gil_wait_known && cores_used < CORES_USED_BOUND_LOW)
        || (queues_for_gil(case.profile) && !case.evidence.uses_all_cores(case.calibration));
    let is_crowded = case.evidence.wait.p50.as_secs_f64() >= QUEUE_WAIT
        || case.profile.occupancy.contended_share() >= CONTENDED_SHARE;
    let can_move = case.facts.lane == Lane::Thread
        && case.calibration.has_gil
        && case.may_leave_process()
        && !case.runs_own_threads()
        && case.sufficiency.is_enough();
    if !(is_bound && is_crowded && can_move && share >= CPU_SHARE_MIN) {
        return None;
    }
    let finding = Finding::new(Rule::R4, Change::MoveLane { to: Lane::Process })
        .lapses(Measure::CpuShare, share, CPU_SHARE_MIN, Direction::Below)
        .lapses(Measure::CoresUsed, cores_used, CORES_USED_BOUND_HIGH, Direction::Above);
    Some(finding.to(Lane::Process, case.costs.predict(Lane::Thread, Target::Process)))
}

fn many_waits(case: &Case<'_>) -> Option<Finding> {
    let is_thread = case.facts.form == Form::Def && case.facts.lane == Lane::Thread;
    let wall = Estimate::mean_of(&case.profile.wall).likely.max(1e-9);
    let share = (case.costs.blocked.likely / wall).min(1.0);
    if !is_thread || !case.sufficiency.is_enough() || share < WAITING_SHARE {
        return None;
    }
    let wanted = case.evidence.concurrency;
    let library = case.async_twin().filter(|_| wanted > MANY_WAITS);
    let Some(library) = library else {
        let mut finding = Finding::new(Rule::R6, Change::Keep);
        // Without a library it stays in threads, however many are wanted.
        let (measure, direction) = (Measure::Concurrency, Direction::Above);
        let limit = Limit { measure, now: wanted, threshold: MANY_WAITS, direction };
        let turns = case.async_twin().map(|_| TurningPoint::new(limit, Then::Changes(Rule::R6)));
        finding.turning_points.extend(turns);
        return Some(finding);
    };
    let finding = Finding::new(Rule::R6, Change::UseAsyncLibrary { library })
        .lapses(Measure::Concurrency, wanted, MANY_WAITS, Direction::Below)
        .lapses(Measure::BlockedShare, share, WAITING_SHARE, Direction::Below);
    Some(finding.to(Lane::Async, case.costs.predict(Lane::Thread, Target::AsyncLibrary)))
}

impl Case<'_> {
    /// The share of wall time in which the task waits for a core because of others; 0 where it is
    /// not known. A lane that has nearly all cores to itself makes its attempts wait for each
    /// other; and attempts that were seen to wait longer for the GIL than for a core have that to
    /// blame.
    pub(super) fn starved_share(&self) -> f64 {
        let is_others = self.evidence.is_run_delay_known
            && self.profile.gil.waited < self.profile.run_delay.sum()
            && !self.evidence.uses_all_cores(self.calibration);
        if is_others { self.evidence.shares.run_delay } else { 0.0 }
    }

    /// Whether waits for a core are a large share of its time, or nearly so.
    pub(super) fn is_near_starved(&self) -> bool {
        self.starved_share() > RUN_DELAY_SHARE - RUN_DELAY_BAND
    }

    fn may_leave_process(&self) -> bool {
        self.facts.can_go_to_process != Some(false)
    }

    /// The async library that does the same as the blocking one: as declared; of the line that
    /// blocks most; or the only one that the code names.
    fn async_twin(&self) -> Option<String> {
        let names = || self.facts.library_names.iter().map(String::as_str);
        let seen = || match self.profile.sites.worst(&[Blockage::Call]) {
            None => only_twin(names(), None),
            Some(site) => match blamed(&site.stack) {
                Blamed::Library(entry) => Some(entry.twin),
                Blamed::OwnCode => only_twin(names(), Some(WaitsIn::Native)),
                Blamed::Unknown => None,
            },
        };
        self.facts.async_library.clone().or_else(|| seen().map(str::to_owned))
    }

    /// Where a coroutine that never awaits is at home as a plain function, if that gains enough.
    fn plain_finding(&self) -> Option<Finding> {
        let target = self.costs.off_the_loop(self.may_leave_process());
        let prediction = self.costs.predict(Lane::Async, target);
        let finding = Finding::new(Rule::R3, Change::Offload { to: target.lane() });
        let is_known = self.sufficiency.is_enough() && prediction.clears();
        let is_known = is_known && !self.runs_own_threads();
        (is_known && !self.is_too_small(target)).then(|| finding.to(target.lane(), prediction))
    }

    /// Whether R5 would send it back from a process.
    fn is_too_small(&self, target: Target) -> bool {
        let work = self.costs.cpu.low + self.costs.encode.low;
        let round_trip = self.calibration.process_dispatch.as_secs_f64();
        target == Target::Process && work < PROCESS_DISPATCHES * round_trip
    }

    /// The 95th percentile of the task's own blocking, without waits for the GIL, in seconds.
    pub(super) fn blocked_p95(&self) -> Estimate {
        Estimate::quantile_of(&self.profile.blocked, 0.95).times(self.evidence.own_blocked_factor())
    }

    /// The least share of its own time that the task computes.
    fn own_cpu_share_low(&self) -> f64 {
        let (cpu, blocked) = (self.costs.cpu.low, self.costs.blocked.high);
        cpu / (cpu + blocked).max(1e-9)
    }

    /// Whether much of the process's CPU time is not its attempt's thread: numerical libraries.
    pub(super) fn runs_own_threads(&self) -> bool {
        self.profile.other_threads_cpu > self.profile.cpu.sum().mul_f64(OWN_THREADS_SHARE)
    }
}
