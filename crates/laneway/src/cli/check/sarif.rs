//! Findings as SARIF 2.1.0, for code scanning.

use laneway_check::{Confidence, Cost, Finding, Location, RULES, RuleEntry, Tier};
use serde_json::{Value, json};

use super::super::sarif;
use super::evidence::in_words;
use super::json::cost;
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
    if let Some(cost) = &finding.measured {
        text = format!("{text}. Measured: {}", in_words(cost));
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
    let others: Vec<Value> = finding.others.iter().map(other).collect();
    if let Some(fields) = result.as_object_mut() {
        if !steps.is_empty() {
            let flow = json!([{ "threadFlows": [{ "locations": steps }] }]);
            fields.insert("codeFlows".to_owned(), flow);
        }
        if !others.is_empty() {
            fields.insert("relatedLocations".to_owned(), Value::Array(others));
        }
        if let (Some(measured), Some(properties)) =
            (&finding.measured, fields.get_mut("properties").and_then(Value::as_object_mut))
        {
            properties.insert("measured".to_owned(), cost(measured));
        }
        // Viewers sort by it: how much of the loop's time a finding takes, of a hundred.
        if let Some(share) = finding.measured.as_ref().and_then(Cost::share) {
            fields.insert("rank".to_owned(), json!((share * 100.0).clamp(0.0, 100.0)));
        }
    }
    result
}

fn other(place: &Location) -> Value {
    json!({ "physicalLocation": physical(place), "message": { "text": "the same" } })
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
