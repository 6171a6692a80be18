//! Findings for programs.

use laneway_check::{Cost, Finding, Location, Step};
use serde_json::{Value, json};

use super::super::output::Output;
use super::page_of;
use crate::view::millis;

pub(super) fn write(findings: &[&Finding], output: &mut Output) {
    for finding in findings {
        output.json(view(finding));
    }
}

fn view(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.code(),
        "title": finding.rule.entry().title,
        "page": page_of(finding.rule),
        "tier": finding.tier.as_str(),
        "confidence": finding.confidence.as_str(),
        "location": location(&finding.location),
        "function": finding.function,
        "message": finding.message,
        "call": finding.call,
        "chain": finding.chain.iter().map(step).collect::<Vec<_>>(),
        "entry_points": finding.entry_points,
        "choke_point": finding.choke_point.as_ref().map(step),
        "suggestion": finding.suggestion,
        "fingerprint": finding.fingerprint,
        "others": finding.others.iter().map(location).collect::<Vec<_>>(),
        "measured": finding.measured.as_ref().map(cost),
    })
}

pub(super) fn cost(cost: &Cost) -> Value {
    json!({
        "count": cost.count,
        "total_ms": millis(cost.total),
        "longest_ms": millis(cost.longest),
        "loop_ms": millis(cost.loop_time),
        "loop_share": cost.share(),
        "ms_per_hour": cost.per_hour().map(millis),
        "tasks": cost.tasks,
    })
}

fn step(step: &Step) -> Value {
    json!({ "function": step.function, "location": location(&step.location) })
}

fn location(place: &Location) -> Value {
    json!({
        "path": &*place.path,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    })
}
