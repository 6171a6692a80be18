//! How the rules came to a verdict: which were tried, what they compared, and which one decided.

use std::borrow::Cow;

use laneway_core::job::Lane;
use laneway_core::profile::{Occupancy, Profile};
use laneway_core::verdict::{
    Advice, Form, Measure, RULES, Rule, RuleEntry, Sufficiency, THRESHOLDS, Then,
};
use serde::Serialize;

use super::survey::Case;
use crate::cli::humane::span;

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It decided.
    Decides,
    /// It is about tasks of another form or lane.
    OutOfScope,
    /// It applies, and a move would gain too little to be worth it.
    GainsTooLittle,
    /// Its condition does not hold, or the evidence cannot prove it.
    DoesNotHold,
    /// There are too few runs to prove it.
    LacksEvidence,
    /// A rule before it decided, for one size of arguments at least.
    NotTried,
}

impl Outcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Decides => "decides",
            Self::OutOfScope => "is about another form or lane",
            Self::GainsTooLittle => "applies, and gains too little",
            Self::DoesNotHold => "does not hold",
            Self::LacksEvidence => "needs more evidence",
            Self::NotTried => "was not tried",
        }
    }
}

/// A measured value beside the threshold that it was compared with.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The threshold's name in the table.
    pub(super) name: &'static str,
    /// What was measured; the rule itself is stricter and takes the end of its 95 % range that is
    /// worse for a change. `None` where it is not known.
    pub(super) measured: Option<f64>,
    /// The threshold.
    pub(super) limit: f64,
    pub(super) unit: &'static str,
    pub(super) reason: &'static str,
    pub(super) source: Cow<'static, str>,
}

/// A rule that was tried.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) entry: &'static RuleEntry,
    pub(super) outcome: Outcome,
    pub(super) comparisons: Vec<Comparison>,
}

/// All rules, in the order in which they are tried.
pub(super) fn trace(case: &Case) -> Vec<Step> {
    let decided = RULES.iter().position(|entry| Some(entry.rule) == case.advice.rule);
    let step = |(at, entry): (usize, &'static RuleEntry)| {
        let outcome = match decided {
            Some(decided) if at == decided => Outcome::Decides,
            Some(decided) if at > decided => Outcome::NotTried,
            _ if !is_about(entry.rule, case) => Outcome::OutOfScope,
            _ if lacks_evidence(entry.rule, &case.advice.sufficiency) => Outcome::LacksEvidence,
            _ if gains_too_little(entry.rule, &case.advice) => Outcome::GainsTooLittle,
            _ => Outcome::DoesNotHold,
        };
        let is_compared = !matches!(outcome, Outcome::OutOfScope | Outcome::NotTried);
        let comparisons = if is_compared { comparisons(entry.rule, case) } else { Vec::new() };
        Step { entry, outcome, comparisons }
    };
    RULES.iter().enumerate().map(step).collect()
}

/// Whether a rule is about tasks of this form in this lane.
fn is_about(rule: Rule, case: &Case) -> bool {
    let (form, lane) = (case.facts.form, case.facts.lane);
    match rule {
        Rule::R7 => true,
        Rule::R1 | Rule::R2 => lane == Lane::Async,
        Rule::R3 => form == Form::AsyncDef,
        Rule::R5 => lane == Lane::Process,
        Rule::R0 => form == Form::Def,
        Rule::R4 | Rule::R8 => lane == Lane::Thread,
        Rule::R6 => form == Form::Def && lane == Lane::Thread,
    }
}

fn lacks_evidence(rule: Rule, sufficiency: &Sufficiency) -> bool {
    match rule {
        // What is declared or written in the code needs no runs; R3 counts its own.
        Rule::R8 | Rule::R3 => false,
        Rule::R7 | Rule::R0 => !sufficiency.has_runs(),
        Rule::R1 | Rule::R2 | Rule::R4 | Rule::R5 | Rule::R6 => !sufficiency.is_enough(),
    }
}

fn gains_too_little(rule: Rule, advice: &Advice) -> bool {
    let points = &advice.turning_points;
    points
        .iter()
        .any(|point| point.limit.measure == Measure::Gain && point.then == Then::Applies(rule))
}

/// What a rule compares, by the names in the table of thresholds.
fn comparisons(rule: Rule, case: &Case) -> Vec<Comparison> {
    let evidence = &case.advice.evidence;
    let own = evidence.own_blocked_share.unwrap_or(1.0);
    let wall = evidence.wall.mean.as_secs_f64().max(1e-9);
    let cpu = evidence.cpu.mean.as_secs_f64();
    let blocked = evidence.blocked.mean.as_secs_f64() * own;
    let per = |time: f64, unit: f64| Some(time / unit.max(1e-9));
    let pairs: Vec<(&str, Option<f64>)> = match rule {
        Rule::R8 => Vec::new(),
        Rule::R7 => vec![(
            "RUN_DELAY_SHARE",
            Some(evidence.shares.run_delay).filter(|_| evidence.is_run_delay_known),
        )],
        Rule::R1 => vec![("BLOCKED_P95", Some(evidence.blocked.p95.as_secs_f64() * own))],
        Rule::R2 => {
            let step = evidence.step_max.p95.min(evidence.cpu.p95);
            let lag = case.advice.lag.as_ref();
            vec![
                ("CPU_STEP_P95", Some(step.as_secs_f64())),
                ("LAG", lag.map(|lag| lag.lag.as_secs_f64())),
                ("CORES_USED_RELEASED", evidence.cores_used),
            ]
        }
        Rule::R3 => {
            vec![("NEEDLESS_RUNS_MIN", Some(counted(case.advice.sufficiency.runs)))]
        }
        Rule::R5 => {
            let round_trip = case.calibration.process_dispatch.as_secs_f64();
            vec![
                ("PROCESS_DISPATCHES", per(cpu, round_trip)),
                ("PROCESS_CPU_SHARE", per(cpu, wall)),
            ]
        }
        Rule::R0 => {
            let dispatch = case.calibration.thread_dispatch.as_secs_f64();
            vec![
                ("TRIVIAL_DISPATCHES", per(evidence.wall.p95.as_secs_f64(), dispatch)),
                ("SHORT_RUN_WALL", Some(case.advice.sufficiency.wall.as_secs_f64())),
            ]
        }
        Rule::R4 => vec![
            ("CORES_USED_BOUND_LOW", evidence.cores_used),
            ("CORES_USED_BOUND_HIGH", evidence.cores_used),
            ("CPU_SHARE_MIN", per(cpu, cpu + blocked)),
            ("QUEUE_WAIT", Some(evidence.wait.p50.as_secs_f64())),
            ("CONTENDED_SHARE", Some(occupancy(case).contended_share())),
        ],
        Rule::R6 => {
            vec![("WAITING_SHARE", per(blocked, wall)), ("MANY_WAITS", Some(evidence.concurrency))]
        }
    };
    let gain = case.advice.prediction.filter(|_| case.advice.rule == Some(rule));
    let gain = gain.map(|prediction| ("GAIN_MIN", Some(prediction.gain.low)));
    let sourced = |comparison: Comparison| Comparison {
        source: cost(comparison.name, case).map_or(comparison.source, Cow::Owned),
        ..comparison
    };
    let pairs = pairs.into_iter().chain(gain);
    pairs.filter_map(|(name, value)| compared(name, value)).map(sourced).collect()
}

/// What the unit costs in which a threshold counts: the same number that the rule reckoned with.
fn cost(name: &str, case: &Case) -> Option<String> {
    let costs = &case.calibration;
    let (what, cost) = match name {
        "TRIVIAL_DISPATCHES" => ("a dispatch to a thread", costs.thread_dispatch),
        "PROCESS_DISPATCHES" => ("a round trip to a process", costs.process_dispatch),
        _ => return None,
    };
    let by = if case.is_calibrated {
        "measured by a worker of this application"
    } else {
        "not measured here: that of a two-core machine"
    };
    Some(format!("{what} takes {}, {by}", span(cost)))
}

fn compared(name: &str, measured: Option<f64>) -> Option<Comparison> {
    let threshold = THRESHOLDS.iter().find(|threshold| threshold.name == name)?;
    Some(Comparison {
        name: threshold.name,
        measured,
        limit: threshold.value,
        unit: threshold.unit,
        reason: threshold.reason,
        source: Cow::Borrowed(threshold.source),
    })
}

/// How many cores the task's lane used while it ran there.
fn occupancy(case: &Case) -> Occupancy {
    let here = |profile: &&Profile| profile.key.lane == case.facts.lane;
    case.profiles.iter().filter(here).fold(Occupancy::default(), |mut sum, profile| {
        sum.merge(&profile.occupancy);
        sum
    })
}

#[expect(clippy::cast_precision_loss, reason = "statistics need 53 bits at most")]
const fn counted(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_compared_is_in_the_table_of_thresholds() {
        let source = include_str!("trace.rs");
        let code = source.split("#[cfg(test)]").next().unwrap();
        let names: Vec<&str> = code
            .split('"')
            .skip(1)
            .step_by(2)
            .filter(|text| {
                text.len() > 2 && text.chars().all(|c| c.is_ascii_uppercase() || "_059".contains(c))
            })
            .collect();
        assert!(names.len() > 12, "{names:?}");
        for name in names {
            assert!(compared(name, None).is_some(), "{name}");
        }
    }
}
