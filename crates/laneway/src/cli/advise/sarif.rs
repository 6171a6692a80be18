//! Advice as SARIF 2.1.0, the format in which code scanners hand findings to editors and CI.

use std::path::Path;

use laneway_core::profile::{Place, Site};
use laneway_core::verdict::{RULES, RuleEntry};
use serde_json::{Value, json};

use super::edit::Edit;
use super::headline::headline;
use super::page::nearby;
use super::survey::{Case, Level};

/// Where the format is described.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Where relative paths begin.
const ROOT: &str = "SRCROOT";

/// The log of one run, with a result for each task that has something to do.
pub(super) fn log(cases: &[Case], folder: &Path) -> Value {
    let results: Vec<Value> = cases.iter().filter_map(|case| result(case, folder)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "laneway",
                "semanticVersion": crate::VERSION,
                "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { ROOT: { "description": {
                "text": "the folder of the project",
            }}},
            "results": results,
        }],
    })
}

fn rule(entry: &RuleEntry) -> Value {
    json!({
        "id": entry.rule.as_str(),
        "name": pascal_case(entry.name),
        "shortDescription": { "text": entry.name },
        "fullDescription": { "text": format!("When {}", entry.condition) },
        "help": { "text": format!("When: {}. Advice: {}.", entry.condition, entry.advice) },
    })
}

fn result(case: &Case, folder: &Path) -> Option<Value> {
    let level = match case.level() {
        Level::Unknown | Level::Well => return None,
        Level::Hint => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let advice = &case.advice;
    let rule = advice.rule?;
    let index = RULES.iter().position(|entry| entry.rule == rule)?;
    let edit = Edit::of(case, folder);
    let place = edit.as_ref().and_then(|edit| edit.place.as_ref());
    let place = place.or_else(|| advice.site.as_ref().map(|site| &site.place));
    let mut text = format!("`{}`: {}", advice.task, headline(case, folder));
    if let Some(edit) = &edit {
        text = match edit.code.as_slice() {
            [] => format!("{text}. To do: {}", edit.note),
            code => format!("{text}. Write `{}` {}", code.join("; "), edit.note),
        };
    }
    let mut result = json!({
        "ruleId": rule.as_str(),
        "ruleIndex": index,
        "level": level,
        "message": { "text": text.trim_end() },
        "locations": [location(place, advice.task.as_str(), folder)],
        "partialFingerprints": { "lanewayTask/v1": format!("{}/{}", advice.task, rule.as_str()) },
        "properties": {
            "task": advice.task.as_str(),
            "lane": advice.lane.as_str(),
            "confidence": advice.confidence,
            "gain": advice.prediction.map(|prediction| prediction.gain),
            "runs": advice.sufficiency.runs,
        },
    });
    let stack = advice.site.as_ref().and_then(stack);
    if let (Some(stack), Some(fields)) = (stack, result.as_object_mut()) {
        fields.insert("stacks".to_owned(), json!([stack]));
    }
    Some(result)
}

/// Where the task is: the line, if it is known, and its name.
fn location(place: Option<&Place>, task: &str, folder: &Path) -> Value {
    let logical = json!([{ "fullyQualifiedName": task, "kind": "function" }]);
    match place {
        Some(place) => {
            json!({ "physicalLocation": physical(place, folder), "logicalLocations": logical })
        }
        None => json!({ "logicalLocations": logical }),
    }
}

fn physical(place: &Place, folder: &Path) -> Value {
    let file = nearby(&place.file, folder);
    let uri = uri(file);
    let artifact = if file.starts_with('/') {
        json!({ "uri": format!("file://{uri}") })
    } else {
        json!({ "uri": uri, "uriBaseId": ROOT })
    };
    // Lines count from 1; 0 stands for a line that Python did not know.
    json!({ "artifactLocation": artifact, "region": { "startLine": place.line.max(1) } })
}

/// A path as the path of a URI.
fn uri(path: &str) -> String {
    let piece = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    path.bytes().map(piece).collect()
}

/// The stack of the longest time, innermost frame first, as the format wants it.
fn stack(site: &Site) -> Option<Value> {
    let frames: Vec<Value> = site
        .stack
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .map(|line| json!({ "location": { "message": { "text": line.trim() } } }))
        .collect();
    (!frames.is_empty()).then(|| json!({ "frames": frames }))
}

fn pascal_case(words: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(letters).collect::<String>()
        })
    };
    words.split_whitespace().map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("shop/my tasks.py"), "shop/my%20tasks.py");
        let physical = |file, line| physical(&Place::new(file, line, "f"), Path::new("/app"));
        let inside = physical("/app/shop/tasks.py", 0);
        assert_eq!(inside["artifactLocation"]["uri"], "shop/tasks.py");
        assert_eq!(inside["artifactLocation"]["uriBaseId"], ROOT);
        assert_eq!(inside["region"]["startLine"], 1);
        let outside = physical("/srv/größe.py", 3);
        assert_eq!(outside["artifactLocation"]["uri"], "file:///srv/gr%C3%B6%C3%9Fe.py");
        assert_eq!(outside["artifactLocation"].get("uriBaseId"), None);
    }

    #[test]
    fn names_of_rules_are_words_without_spaces() {
        assert_eq!(pascal_case("bound by the GIL"), "BoundByTheGIL");
    }
}
