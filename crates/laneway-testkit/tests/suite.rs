//! The suite runs every case that is written.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The functions of the topics, and the names that the macro lists.
fn written_and_listed() -> (BTreeSet<String>, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let mut written = BTreeSet::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let topic = path.file_stem().unwrap().to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let case = line.strip_prefix("pub async fn ").and_then(|rest| rest.split_once('<'));
            written.extend(case.map(|(name, _)| format!("{topic}::{name}")));
        }
    }
    let mut listed = Vec::new();
    let mut topic = String::new();
    for line in fs::read_to_string(folder.join("suite.rs")).unwrap().lines() {
        if let Some(name) = line.strip_prefix("            ").and_then(|l| l.strip_suffix(" {")) {
            name.trim().clone_into(&mut topic);
        } else if let Some(case) = line.trim().strip_suffix(',').filter(|c| !c.contains(' ')) {
            listed.push(format!("{topic}::{case}"));
        }
    }
    (written, listed)
}

#[test]
fn every_written_case_is_listed() {
    let (written, listed) = written_and_listed();
    let listed: BTreeSet<_> = listed.into_iter().filter(|name| written.contains(name)).collect();
    assert!(written.len() > 200, "the cases are not found");
    let missing: Vec<_> = written.difference(&listed).collect();
    assert!(missing.is_empty(), "not in suite.rs: {missing:?}");
}

#[test]
fn no_two_cases_have_the_same_name() {
    let (written, _) = written_and_listed();
    let names: BTreeSet<_> = written.iter().filter_map(|name| name.split("::").nth(1)).collect();
    assert_eq!(names.len(), written.len());
}
