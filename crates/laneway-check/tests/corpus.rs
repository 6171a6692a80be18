//! The labelled corpus: each line that says `# expect: LW…` is found, and nothing else is.
//!
//! `cargo test -p laneway-check --test corpus -- --nocapture` prints precision and recall by rule.
//! A label in brackets, such as `(missed: …)`, is the truth that the analysis does not reach yet:
//! it counts against the numbers without failing the test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use laneway_check::{Knowledge, Options, Rule, Tier, check};

/// Rules that nearly every small example breaks: they are judged in their own folders only.
const STYLE: [&str; 2] = ["LW501", "LW502"];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    path: String,
    line: u32,
    rule: String,
    tier: Option<Tier>,
    /// The label is not followed yet.
    is_known_gap: bool,
}

#[derive(Debug, Default)]
struct Score {
    found: usize,
    missed: usize,
    false_alarms: usize,
}

#[derive(Debug, Default)]
struct Outcome {
    scores: BTreeMap<String, Score>,
    problems: Vec<String>,
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn python_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            python_files(&path, into);
        } else if path.extension().is_some_and(|it| it == "py") {
            into.push(path);
        }
    }
}

/// The labels behind `mark`, such as `# expect: LW104:hint, LW302 (missed: why)`.
fn labels(path: &Path, mark: &str) -> Vec<Label> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let Some((_, text)) = text.split_once(mark) else { continue };
        let (codes, gap) = text.split_once('(').unwrap_or((text, ""));
        for code in codes.split(',').map(str::trim).filter(|code| !code.is_empty()) {
            let (rule, tier) = code.split_once(':').unwrap_or((code, ""));
            assert!(Rule::of_code(rule).is_some(), "{}:{line}: `{rule}`", path.display());
            let tier = match tier {
                "" => None,
                "error" => Some(Tier::Error),
                "warning" => Some(Tier::Warning),
                "hint" => Some(Tier::Hint),
                other => panic!("{}:{line}: `{other}` is no tier", path.display()),
            };
            found.push(Label {
                path: path.to_string_lossy().into_owned(),
                line,
                rule: rule.to_owned(),
                tier,
                is_known_gap: !gap.is_empty(),
            });
        }
    }
    found
}

fn judge(root: &Path, knowledge: &Knowledge, outcome: &mut Outcome) {
    let options = Options {
        paths: vec![root.to_owned()],
        base: PathBuf::from("/"),
        exclude: Vec::new(),
        includes_tests: true,
        respects_ignores: false,
        cache: None,
        ..Options::default()
    };
    let own_rule = root.parent().and_then(Path::file_name).unwrap().to_string_lossy().into_owned();
    let is_snippet = own_rule.starts_with("LW");
    let report = check(&options, knowledge);
    for problem in &report.problems {
        outcome.problems.push(format!("{}: {}", problem.path, problem.message));
    }
    let mut files = Vec::new();
    if root.is_dir() {
        python_files(root, &mut files);
    } else {
        files.push(root.to_owned());
    }
    let mut expected: Vec<Label> = files.iter().flat_map(|it| labels(it, "# expect:")).collect();
    let quiet: BTreeSet<(String, u32, String)> = files
        .iter()
        .flat_map(|it| labels(it, "# quiet:"))
        .map(|it| (it.path, it.line, it.rule))
        .collect();
    for finding in &report.findings {
        let rule = finding.rule.code();
        if is_snippet && STYLE.contains(&rule) && own_rule != rule {
            continue;
        }
        let path = format!("/{}", finding.location.path);
        let line = finding.location.line;
        let matching =
            expected.iter().position(|it| it.path == path && it.line == line && it.rule == rule);
        let score = outcome.scores.entry(rule.to_owned()).or_default();
        if let Some(at) = matching {
            score.found += 1;
            let label = expected.remove(at);
            if label.tier.is_some_and(|tier| tier != finding.tier) {
                outcome.problems.push(format!("{path}:{line}: {rule} is {:?}", finding.tier));
            }
            if label.is_known_gap {
                outcome.problems.push(format!("{path}:{line}: {rule} is found by now"));
            }
        } else {
            score.false_alarms += 1;
            if !quiet.contains(&(path.clone(), line, rule.to_owned())) {
                outcome
                    .problems
                    .push(format!("{path}:{line}: not expected: {rule} {}", finding.message));
            }
        }
    }
    for label in expected {
        outcome.scores.entry(label.rule.clone()).or_default().missed += 1;
        if !label.is_known_gap {
            outcome.problems.push(format!("{}:{}: missed: {}", label.path, label.line, label.rule));
        }
    }
}

fn roots() -> Vec<PathBuf> {
    let mut roots = Vec::new();
    for rule in fs::read_dir(corpus().join("snippets")).unwrap() {
        let mut files = Vec::new();
        python_files(&rule.unwrap().path(), &mut files);
        roots.extend(files);
    }
    roots.extend(fs::read_dir(corpus().join("projects")).unwrap().map(|it| it.unwrap().path()));
    roots.sort();
    roots
}

#[test]
fn every_label_of_the_corpus_is_found_and_nothing_else() {
    let knowledge = Knowledge::load(&[]).unwrap();
    let mut outcome = Outcome::default();
    let roots = roots();
    for root in &roots {
        judge(root, &knowledge, &mut outcome);
    }
    println!("{} snippets and projects", roots.len());
    println!(
        "{:8}{:>7}{:>8}{:>14}{:>12}{:>9}",
        "rule", "found", "missed", "false alarms", "precision", "recall"
    );
    for (rule, score) in &outcome.scores {
        let percent = |part: usize, all: usize| {
            (part * 100).checked_div(all).map_or_else(|| "-".to_owned(), |it| format!("{it} %"))
        };
        println!(
            "{rule:8}{:>7}{:>8}{:>14}{:>12}{:>9}",
            score.found,
            score.missed,
            score.false_alarms,
            percent(score.found, score.found + score.false_alarms),
            percent(score.found, score.found + score.missed),
        );
    }
    assert!(outcome.problems.is_empty(), "{:#?}", outcome.problems);
}

#[test]
fn names_of_other_files_hide_nothing() {
    let options = Options {
        paths: vec![corpus().join("snippets")],
        base: corpus(),
        includes_tests: true,
        ..Options::default()
    };
    let report = check(&options, &Knowledge::load(&[]).unwrap());
    let found = |name: &str| {
        let path = format!("snippets/LW501/{name}.py");
        report.findings.iter().any(|it| it.rule == Rule::Lw501 && *it.location.path == *path)
    };
    assert!(found("nothing_to_await") && found("formats_a_text") && found("private_helper"));
    assert!(!found("callback_given_as_a_value"));
}

#[test]
fn what_another_file_hands_on_may_be_wanted_async() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("app/__init__.py", ""),
        ("app/work.py", "async def passed():\n    return 1\nasync def called():\n    return 1\n"),
        ("app/main.py", "from app.work import called, passed as p\nregister(p)\ncalled()\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let options = Options {
        paths: vec![folder.path().to_owned()],
        base: folder.path().to_owned(),
        ..Options::default()
    };
    let report = check(&options, &Knowledge::load(&[]).unwrap());
    let of_rule = report.findings.iter().filter(|it| it.rule == Rule::Lw501);
    let functions: Vec<&str> = of_rule.map(|it| it.function.as_str()).collect();
    assert_eq!(functions, ["app.work.called"]);
}
