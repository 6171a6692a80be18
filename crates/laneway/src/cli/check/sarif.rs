//! Findings as SARIF 2.1.0, for code scanning.

use laneway_check::{Confidence, Finding, Location, RULES, RuleEntry, Tier};
use serde_json::{Value, json};

use super::super::sarif;
use super::page_of;

/// The log of one run.
pub(super) fn log(findings: &[&Finding]) -> Value {
    let rules: Vec<Value> = RULES.iter().map(rule).collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding)).collect();
    sarif::log(&rules, &results)
}

fn rule(entry: &RuleEntry) -> Value {
    json!({
        "id": entry.code,
        "shortDescription": { "text": entry.title },
        "help": { "text": format!("See {}", page_of(entry.rule)) },
        "defaultConfiguration": { "level": level(entry.tier) },
    })
}

const fn level(tier: Tier) -> &'static str {
    match tier {
        Tier::Error => "error",
        Tier::Warning => "warning",
        Tier::Hint => "note",
    }
}

fn result(finding: &Finding) -> Value {
    let mut text = finding.message.clone();
    if let Some(suggestion) = &finding.suggestion {
        text = format!("{text}. Instead: {suggestion}");
    }
    let mut result = json!({
        "ruleId": finding.rule.code(),
        "ruleIndex": RULES.iter().position(|entry| entry.rule == finding.rule),
        "level": level(finding.tier),
        "message": { "text": text },
        "locations": [{
            "physicalLocation": physical(&finding.location),
            "logicalLocations": [{
                "fullyQualifiedName": finding.function,
                "kind": "function",
            }],
        }],
        "partialFingerprints": { "lanewayFinding/v1": finding.fingerprint },
        "properties": {
            "confidence": match finding.confidence {
                Confidence::High => "high",
                Confidence::Medium => "medium",
                Confidence::Low => "low",
            },
            "entryPoints": finding.entry_points,
        },
    });
    let steps: Vec<Value> = finding.chain.iter().map(step).collect();
    if let (false, Some(fields)) = (steps.is_empty(), result.as_object_mut()) {
        fields.insert("codeFlows".to_owned(), json!([{ "threadFlows": [{ "locations": steps }] }]));
    }
    result
}

fn step(step: &laneway_check::Step) -> Value {
    json!({ "location": {
        "physicalLocation": physical(&step.location),
        "message": { "text": step.function },
    }})
}

fn physical(place: &Location) -> Value {
    json!({
        "artifactLocation": sarif::artifact(&place.path),
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    })
}
