//! The verdict: from measurements to advice, and from advice to a careful move.
//!
//! [`advise`] is one pure function. It tries the rules of [`RULES`] in their order on the
//! lower confidence bounds of what was measured; every number it depends on stands in
//! [`THRESHOLDS`]. It would rather say nothing than something wrong: a move is advised only when
//! its gain clears a dead band at the *worse* end of its range, and "not enough evidence" is a
//! verdict.
//!
//! [`auto`] acts on it for plain functions that asked for `lane="auto"`; [`script`] is the verdict
//! for the items of one call, by the same table.

use std::collections::BTreeMap;

use crate::job::{Lane, TaskName};
use crate::profile::nanos::approximate;
use crate::profile::{Blockage, LagShare, Move, MoveKind, Profile, SizeBucket};

mod advice;
pub mod auto;
mod cost;
mod estimate;
mod evidence;
mod facts;
pub mod libraries;
mod neighbours;
mod rules;
pub mod script;
mod thresholds;

pub use advice::{
    Advice, Change, Confidence, Direction, Doubt, Kind, Limit, Measure, SizeAdvice, Then,
    TurningPoint,
};
pub use cost::{Predicted, Prediction};
pub use estimate::{Estimate, runs_for};
pub use evidence::{Evidence, Shares, Spread, Sufficiency};
pub use facts::{Calibration, Form, Mobility, TaskFacts};
pub use neighbours::Delay;
pub use thresholds::{RULES, Rule, RuleEntry, THRESHOLDS, Threshold};

use cost::{CostModel, Target};
use rules::{CHECKS, Case, Finding};
use thresholds::{
    CPU_SHARE_MIN, LOSS_MAX, RUN_DELAY_BAND, RUN_DELAY_SHARE, TRIVIAL_DISPATCHES, WAVES_MIN,
};

/// All that a verdict depends on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The task.
    pub task: &'a TaskName,
    /// Its profiles: of every lane and every size of arguments. Those of other tasks are ignored,
    /// and of several interpreters the one with the most runs counts.
    pub profiles: &'a [Profile],
    /// What lanes cost on this machine.
    pub calibration: &'a Calibration,
    /// What is known of the task itself.
    pub facts: &'a TaskFacts,
    /// Its item on the loop's bill.
    pub lag: Option<&'a LagShare>,
}

/// The verdict on a task.
pub fn advise(question: &Question<'_>) -> Advice {
    let profiles = relevant(question);
    let here = |profile: &&Profile| profile.key.lane == question.facts.lane;
    let Some(whole) = merged(profiles.iter().copied().filter(here)) else {
        return without_evidence(question);
    };
    split_by_size(judge(question, &whole, &profiles), by_size(question, &profiles))
}

/// Lets sizes that disagree speak for themselves. A move of the whole task stands when no size of
/// arguments would lose by it.
fn split_by_size(mut advice: Advice, sizes: Vec<(SizeAdvice, Option<f64>)>) -> Advice {
    let moving = || sizes.iter().map(|(size, _)| size).filter(|size| size.better_lane.is_some());
    let agree = sizes.iter().all(|(size, _)| size.better_lane == advice.better_lane);
    let first_rule = moving().next().map(|size| size.rule);
    let Some(first_rule) = first_rule.filter(|_| sizes.len() > 1 && !agree) else {
        return advice;
    };
    let is_torn = moving().any(|size| size.better_lane != advice.better_lane);
    let loses = sizes.iter().any(|(_, gain)| gain.is_some_and(|gain| gain < 1.0 / LOSS_MAX));
    if advice.rule != Some(Rule::R7) && (is_torn || loses) {
        advice.rule = first_rule;
        advice.better_lane = None;
        advice.prediction = None;
        advice.change = Change::SplitBySize;
    }
    advice.by_size = sizes.into_iter().map(|(size, _)| size).collect();
    advice
}

/// The profiles of the task under its most used interpreter.
fn relevant<'a>(question: &Question<'a>) -> Vec<&'a Profile> {
    let mut runs = BTreeMap::new();
    let of_task = || question.profiles.iter().filter(|profile| &profile.key.task == question.task);
    for profile in of_task() {
        *runs.entry(&profile.key.interpreter).or_insert(0) += profile.runs();
    }
    let most = runs.into_iter().max_by_key(|&(_, runs)| runs).map(|(interpreter, _)| interpreter);
    of_task().filter(|profile| Some(&profile.key.interpreter) == most).collect()
}

fn merged<'a>(mut profiles: impl Iterator<Item = &'a Profile>) -> Option<Profile> {
    let first = profiles.next()?.clone();
    Some(profiles.fold(first, |mut sum, profile| {
        sum.merge(profile);
        sum
    }))
}

/// The verdict for each size of arguments with enough evidence, and what a run of that size would
/// gain in the lane that suits it, for those that would move, or in the other lane.
fn by_size(question: &Question<'_>, profiles: &[&Profile]) -> Vec<(SizeAdvice, Option<f64>)> {
    let mut sizes: BTreeMap<SizeBucket, Vec<&Profile>> = BTreeMap::new();
    for profile in profiles {
        sizes.entry(profile.key.size_bucket).or_default().push(profile);
    }
    let mut advices = Vec::new();
    for (size_bucket, profiles) in sizes {
        let here = profiles.iter().copied().filter(|p| p.key.lane == question.facts.lane);
        let Some(profile) = merged(here) else { continue };
        let advice = judge(question, &profile, &profiles);
        if !advice.sufficiency.is_enough() {
            continue;
        }
        let other = match question.facts.lane {
            Lane::Process | Lane::Async => Target::Thread,
            Lane::Thread => Target::Process,
        };
        let costs = CostModel::of(&profile, &advice.evidence, question.facts, question.calibration);
        let gain = costs.predict(question.facts.lane, other).gain.likely;
        let gain = (question.facts.lane != Lane::Async).then_some(gain);
        let size = SizeAdvice {
            size_bucket,
            runs: profile.runs(),
            kind: advice.kind,
            rule: advice.rule,
            better_lane: advice.better_lane,
            gain: advice.prediction.map(|prediction| prediction.gain),
        };
        advices.push((size, gain));
    }
    advices
}

/// The verdict on what one profile holds.
fn judge(question: &Question<'_>, profile: &Profile, all: &[&Profile]) -> Advice {
    let evidence = Evidence::of(profile, question.facts, question.calibration);
    let sufficiency = Sufficiency::of(profile);
    let case = Case {
        profile,
        evidence: &evidence,
        sufficiency,
        facts: question.facts,
        calibration: question.calibration,
        lag: question.lag,
        costs: CostModel::of(profile, &evidence, question.facts, question.calibration),
    };
    let mut doubts = doubts_of(&case);
    let mut turning_points = Vec::new();
    let mut decided = None;
    let mut blocks_loop = false;
    for finding in CHECKS.iter().filter_map(|check| check(&case)) {
        // What blocks its loop is not acquitted for want of a change that would pay.
        if finding.rule == Rule::R7 && blocks_loop {
            continue;
        }
        blocks_loop |= matches!(finding.rule, Rule::R1 | Rule::R2);
        let refuted = refutation_of(&case, &finding, all);
        if finding.is_clear() && refuted.is_none() {
            decided = Some(finding);
            break;
        }
        turning_points.extend(finding.near_miss());
        doubts.extend(refuted);
    }
    let is_known = sufficiency.is_enough() || decided.is_some();
    let (rule, better_lane, change, prediction) = match decided {
        Some(finding) => {
            turning_points.extend(finding.turning_points);
            (Some(finding.rule), finding.better_lane, finding.change, finding.prediction)
        }
        None if is_known => (None, None, Change::Keep, None),
        None => {
            turning_points.extend(missing(&sufficiency));
            (None, None, Change::CollectMore, None)
        }
    };
    turning_points.retain(TurningPoint::is_ahead);
    doubts.extend(doubt_of_host(&case, rule));
    if !(goes_to_process(better_lane) && case.costs.depends_on_encode()) {
        doubts.retain(|doubt| *doubt != Doubt::EncodeGuessed);
    }
    let confidence = match doubts.len() {
        _ if !is_known => Confidence::Low,
        0 => Confidence::High,
        1 => Confidence::Medium,
        _ => Confidence::Low,
    };
    Advice {
        task: question.task.clone(),
        lane: question.facts.lane,
        kind: if is_known { kind_of(&case) } else { Kind::Unknown },
        rule,
        better_lane,
        change,
        prediction,
        confidence,
        doubts,
        sufficiency,
        turning_points,
        site: site_of(profile, rule),
        evidence,
        lag: question.lag.cloned(),
        by_size: Vec::new(),
    }
}

const fn goes_to_process(lane: Option<Lane>) -> bool {
    matches!(lane, Some(Lane::Process))
}

fn without_evidence(question: &Question<'_>) -> Advice {
    let key = crate::profile::ProfileKey {
        task: question.task.clone(),
        lane: question.facts.lane,
        size_bucket: SizeBucket::of(0),
        interpreter: crate::profile::Interpreter::new(""),
    };
    judge(question, &Profile::new(key), &[])
}

/// What is missing for a verdict.
fn missing(sufficiency: &Sufficiency) -> Vec<TurningPoint> {
    let (runs, runs_needed) = (sufficiency.runs, sufficiency.runs_needed);
    let (wall, wall_needed) = (sufficiency.wall, sufficiency.wall_needed);
    let point = |measure, now, threshold| {
        let limit = Limit { measure, now, threshold, direction: Direction::Above };
        TurningPoint::new(limit, Then::Verdict)
    };
    let runs = (runs < runs_needed)
        .then(|| point(Measure::Runs, approximate(runs), approximate(runs_needed)));
    let wall = (wall < wall_needed)
        .then(|| point(Measure::WallTotal, wall.as_secs_f64(), wall_needed.as_secs_f64()));
    runs.into_iter().chain(wall).collect()
}

/// Why waits for a core make a verdict less sure.
fn doubt_of_host(case: &Case<'_>, rule: Option<Rule>) -> Option<Doubt> {
    let is_acquitted = rule == Some(Rule::R7);
    let is_clear = case.starved_share() > RUN_DELAY_SHARE + RUN_DELAY_BAND;
    match (is_acquitted, is_clear) {
        (true, true) => None,
        (true, false) => Some(Doubt::NearlyEnoughCores),
        (false, _) => case.is_near_starved().then_some(Doubt::ScarceCores),
    }
}

fn doubts_of(case: &Case<'_>) -> Vec<Doubt> {
    let evidence = case.evidence;
    if case.sufficiency.runs == 0 {
        return Vec::new();
    }
    let shares_gil = case.facts.lane != Lane::Process && case.calibration.has_gil;
    let is_blocked_unclear = evidence.own_blocked_share.is_none()
        && evidence.shares.blocked >= thresholds::UNCLEAR_BLOCKED_SHARE;
    [
        (case.sufficiency.runs < case.sufficiency.runs_for_confidence, Doubt::FewRuns),
        (!evidence.is_run_delay_known, Doubt::RunDelayUnknown),
        (!evidence.is_encode_known, Doubt::EncodeGuessed),
        (shares_gil && is_blocked_unclear, Doubt::GilWaitUnknown),
        (is_of_few_waves(case), Doubt::FewWaves),
        (case.runs_own_threads(), Doubt::OwnThreads),
    ]
    .into_iter()
    .filter_map(|(applies, doubt)| applies.then_some(doubt))
    .collect()
}

/// Whether its runs in threads waited for each other, and too few came one after another.
fn is_of_few_waves(case: &Case<'_>) -> bool {
    let at_once = case.costs.parallelism(Lane::Thread);
    case.facts.lane == Lane::Thread
        && case.calibration.has_gil
        && at_once > 1.0
        && case.evidence.shares.blocked >= thresholds::UNCLEAR_BLOCKED_SHARE
        && approximate(case.sufficiency.runs) < WAVES_MIN * at_once
}

/// What was measured that speaks against the lane of a finding: it is worth more than what was
/// modelled.
fn refutation_of(case: &Case<'_>, finding: &Finding, all: &[&Profile]) -> Option<Doubt> {
    if was_undone(case, finding, all) {
        Some(Doubt::MoveUndone)
    } else {
        is_measured_slower(case, finding, all).then_some(Doubt::MeasuredSlower)
    }
}

/// Whether the auto lane last tried the lane of the finding, for arguments of some size, and came
/// back because of harm.
fn was_undone(case: &Case<'_>, finding: &Finding, all: &[&Profile]) -> bool {
    let mut last: BTreeMap<SizeBucket, &Move> = BTreeMap::new();
    for profile in all {
        let is_result = |event: &&Move| !matches!(event.kind, MoveKind::CanaryStarted { .. });
        for event in profile.moves.iter().filter(is_result) {
            let known = last.entry(profile.key.size_bucket).or_insert(event);
            if (event.at, event.runs) > (known.at, known.runs) {
                *known = event;
            }
        }
    }
    last.values().any(|event| {
        let is_harmful = event.refuted() == finding.better_lane && finding.better_lane.is_some();
        is_harmful && event.lane_since() == case.facts.lane
    })
}

/// Whether runs in the lane of the finding were measured and cost more than here.
fn is_measured_slower(case: &Case<'_>, finding: &Finding, all: &[&Profile]) -> bool {
    let Some(lane) = finding.better_lane.filter(|_| case.facts.lane != Lane::Async) else {
        return false;
    };
    let there = all.iter().copied().filter(|profile| profile.key.lane == lane);
    let Some(there) = merged(there).filter(|there| Sufficiency::of(there).is_enough()) else {
        return false;
    };
    let cost = |profile: &Profile, lane| {
        Estimate::mean_of(&profile.wall).times(1.0 / case.costs.parallelism(lane).max(1.0))
    };
    cost(&there, lane).low > LOSS_MAX * cost(case.profile, case.facts.lane).high
}

/// What kind of work it is, waits for cores and for the GIL left out.
fn kind_of(case: &Case<'_>) -> Kind {
    let evidence = case.evidence;
    let trivial = TRIVIAL_DISPATCHES * case.calibration.thread_dispatch.as_secs_f64();
    if evidence.wall.p95.as_secs_f64() < trivial {
        return Kind::Trivial;
    }
    let waiting = evidence.shares.blocked * evidence.own_blocked_factor() + evidence.shares.awaited;
    let working = evidence.shares.cpu + waiting;
    if working <= 0.0 {
        Kind::Unknown
    } else if evidence.shares.cpu / working >= CPU_SHARE_MIN {
        Kind::CpuBound
    } else if waiting / working >= CPU_SHARE_MIN {
        Kind::IoBound
    } else {
        Kind::Mixed
    }
}

/// The line that the verdict is about. A starved host has none: no line is to blame.
fn site_of(profile: &Profile, rule: Option<Rule>) -> Option<crate::profile::Site> {
    let classes: &[Blockage] = match rule {
        Some(Rule::R7) => &[],
        Some(Rule::R1) => &[Blockage::Call],
        Some(Rule::R2 | Rule::R4) => &[Blockage::Cpu],
        _ => &[Blockage::Call, Blockage::Cpu],
    };
    profile.sites.worst(classes).cloned()
}

#[cfg(test)]
mod dice;
#[cfg(test)]
mod tests;
