//! How many findings there are of each rule.

use std::collections::BTreeMap;

use laneway_check::{Finding, Rule, Tier};
use serde_json::json;

use super::super::output::Output;

pub(super) fn write(findings: &[&Finding], output: &mut Output) {
    let mut counts: BTreeMap<Rule, [usize; 3]> = BTreeMap::new();
    for finding in findings {
        let [errors, warnings, hints] = counts.entry(finding.rule).or_default();
        match finding.tier {
            Tier::Error => *errors += 1,
            Tier::Warning => *warnings += 1,
            Tier::Hint => *hints += 1,
        }
    }
    for (rule, [errors, warnings, hints]) in counts {
        if output.is_json() {
            output.json(json!({
                "rule": rule.code(),
                "title": rule.entry().title,
                "errors": errors,
                "warnings": warnings,
                "hints": hints,
            }));
        } else {
            let all = errors + warnings + hints;
            output.line(&format!("{all:6}  {}  {}", rule.code(), rule.entry().title));
        }
    }
}
