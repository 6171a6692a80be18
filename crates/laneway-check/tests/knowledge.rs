//! One test for each name of the knowledge base: the smallest async function that calls it is
//! guilty under the entry's rule, and each acquitting argument makes it silent.
//!
//! All cases are files of one folder, checked in one run.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use laneway_check::{Knowledge, Options, Report, check};
use toml::{Table, Value};

/// Modules whose names look like those of classes.
const CAPITAL_MODULES: [&str; 7] = [
    "Crypto.Protocol.KDF",
    "Crypto.PublicKey.RSA",
    "PIL.Image",
    "PIL.ImageFont",
    "PIL.ImageOps",
    "defusedxml.ElementTree",
    "xml.etree.ElementTree",
];

/// A program of a few lines, and whether the rule has to speak.
#[derive(Debug)]
struct Case {
    name: String,
    rule: String,
    source: String,
    is_guilty: bool,
}

/// The arguments of a call.
#[derive(Debug, Clone, Default)]
struct Arguments {
    positional: Vec<String>,
    named: Vec<(String, String)>,
}

impl Arguments {
    fn parse(text: &str) -> Self {
        let mut arguments = Self::default();
        for part in split(text) {
            match part.split_once('=') {
                Some((name, value)) if is_name(name.trim()) && !value.starts_with('=') => {
                    arguments.named.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                _ => arguments.positional.push(part),
            }
        }
        arguments
    }

    fn text(&self) -> String {
        let named = self.named.iter().map(|(name, value)| format!("{name}={value}"));
        self.positional.iter().cloned().chain(named).collect::<Vec<_>>().join(", ")
    }

    /// The same call with one more argument, by name or by place.
    fn with(&self, name: Option<&str>, at: Option<usize>, value: &str) -> Self {
        let mut changed = self.clone();
        if let Some(name) = name {
            changed.named.retain(|(other, _)| other != name);
            if let Some(at) = at {
                changed.positional.truncate(at);
            }
            changed.named.push((name.to_owned(), value.to_owned()));
        } else if let Some(at) = at {
            let filler = || "filler".to_owned();
            changed.positional.resize_with(changed.positional.len().max(at + 1), filler);
            value.clone_into(&mut changed.positional[at]);
        }
        changed
    }

    fn without(&self, name: Option<&str>, at: Option<usize>) -> Self {
        let mut changed = self.clone();
        changed.named.retain(|(other, _)| Some(other.as_str()) != name);
        if let Some(at) = at {
            changed.positional.truncate(at);
        }
        changed
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_alphanumeric() || it == '_')
}

/// Splits at the commas that are in no bracket and no text.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0_u32, None);
    for character in text.chars() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            ('(' | '[' | '{', None) => depth += 1,
            (')' | ']' | '}', None) => depth -= 1,
            (',', None) if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(character);
    }
    parts.iter().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

fn expand(name: &str) -> Vec<String> {
    let Some((head, rest)) = name.split_once('{') else { return vec![name.to_owned()] };
    let (choices, tail) = rest.split_once('}').unwrap();
    let tails = expand(tail);
    let join = |choice: &str| -> Vec<String> {
        tails.iter().map(|tail| format!("{head}{choice}{tail}")).collect()
    };
    choices.split(',').flat_map(|choice| join(choice.trim())).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge")
}

fn files() -> Vec<(String, Table)> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        found.push((name, text.parse().unwrap_or_else(|why| panic!("{}: {why}", path.display()))));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn tables<'a>(file: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    file.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether an entry says that a call keeps the loop from turning.
fn blocks(entry: &Table) -> bool {
    matches!(text(entry, "kind"), "wait" | "lock" | "cpu-held" | "cpu-released")
}

fn predicates(entry: &Table, key: &str) -> Vec<Table> {
    tables(entry, key).cloned().collect()
}

/// Lines that call `name`, and what has to be imported and annotated for it.
fn program(name: &str, arguments: &Arguments, classes: &BTreeSet<String>) -> String {
    let (holder, member) = name.rsplit_once('.').unwrap();
    let arguments = arguments.text();
    if holder == "builtins" {
        return format!("async def main():\n    {member}({arguments})\n");
    }
    let last = holder.rsplit('.').next().unwrap();
    let is_class = holder.contains('.')
        && !CAPITAL_MODULES.contains(&holder)
        && (classes.contains(holder) || last.starts_with(char::is_uppercase));
    if !is_class {
        return format!("import {holder}\n\n\nasync def main():\n    {name}({arguments})\n");
    }
    let module = holder.rsplit_once('.').unwrap().0;
    let body = match member {
        "__enter__" | "__exit__" => "with it:\n        pass".to_owned(),
        "__iter__" => "for _ in it:\n        pass".to_owned(),
        "__call__" => format!("it({arguments})"),
        "*" => format!("it.some_operation({arguments})"),
        _ => format!("it.{member}({arguments})"),
    };
    format!("import {module}\n\n\nasync def main(it: {holder}):\n    {body}\n")
}

/// What a predicate asks for: a value that satisfies it, `None` for “not given”.
fn satisfying(predicate: &Table) -> Vec<Option<String>> {
    if let Some(values) = predicate.get("is").and_then(Value::as_array) {
        return values.iter().map(|it| it.as_str().map(str::to_owned)).collect();
    }
    match predicate.get("given").and_then(Value::as_bool) {
        Some(false) => vec![None],
        _ => vec![Some("'something else'".to_owned())],
    }
}

fn variants(arguments: &Arguments, predicate: &Table) -> Vec<Arguments> {
    let name = predicate.get("arg").and_then(Value::as_str);
    let at = predicate.get("at").and_then(Value::as_integer);
    let at = at.map(|it| usize::try_from(it).unwrap());
    let mut found = Vec::new();
    for value in satisfying(predicate) {
        let Some(value) = value else {
            found.push(arguments.without(name, at));
            continue;
        };
        if name.is_some() {
            found.push(arguments.with(name, at, &value));
        }
        if at.is_some() {
            let bare = arguments.without(name, at);
            found.push(bare.with(None, at, &value));
        }
    }
    found
}

fn cases_of(entry: &Table, classes: &BTreeSet<String>) -> Vec<Case> {
    let arguments = Arguments::parse(text(entry, "args"));
    let names = entry.get("names").and_then(Value::as_array).unwrap();
    let mut cases = Vec::new();
    for name in names.iter().filter_map(Value::as_str).flat_map(expand) {
        let mut add = |arguments: &Arguments, is_guilty| {
            cases.push(Case {
                name: name.clone(),
                rule: text(entry, "rule").to_owned(),
                source: program(&name, arguments, classes),
                is_guilty,
            });
        };
        add(&arguments, true);
        for predicate in predicates(entry, "acquit") {
            for changed in variants(&arguments, &predicate) {
                add(&changed, false);
            }
        }
        let convicting = predicates(entry, "convict");
        if !convicting.is_empty() {
            let mut innocent = arguments.clone();
            for predicate in &convicting {
                let name = predicate.get("arg").and_then(Value::as_str);
                innocent = innocent.without(name, Some(0));
            }
            add(&innocent, false);
        }
    }
    cases
}

fn cases() -> Vec<Case> {
    let files = files();
    let classes = files.iter().flat_map(|(_, file)| tables(file, "type"));
    let classes: BTreeSet<String> = classes.map(|it| text(it, "name").to_owned()).collect();
    let entries = files.iter().flat_map(|(_, file)| tables(file, "entry"));
    entries.filter(|it| blocks(it)).flat_map(|it| cases_of(it, &classes)).collect()
}

fn run(cases: &[Case], root: &Path) -> Report {
    for (number, case) in cases.iter().enumerate() {
        fs::write(root.join(format!("case_{number}.py")), &case.source).unwrap();
    }
    let options = Options {
        paths: vec![root.to_owned()],
        base: root.to_owned(),
        exclude: Vec::new(),
        includes_tests: true,
        respects_ignores: false,
        cache: None,
        ..Options::default()
    };
    check(&options, &Knowledge::load(&[]).unwrap())
}

#[test]
fn every_entry_convicts_its_call_and_acquits_what_does_not_wait() {
    let cases = cases();
    let root = tempfile::tempdir().unwrap();
    let report = run(&cases, root.path());
    assert!(report.problems.is_empty(), "{:#?}", report.problems);
    let found: BTreeSet<(String, &str)> =
        report.findings.iter().map(|it| (it.location.path.to_string(), it.rule.code())).collect();
    let mut wrong = String::new();
    let mut count = 0;
    for (number, case) in cases.iter().enumerate() {
        let is_found = found.contains(&(format!("case_{number}.py"), case.rule.as_str()));
        if is_found != case.is_guilty {
            count += 1;
            let verdict = if is_found { "is found" } else { "is not found" };
            writeln!(wrong, "{} of {} {verdict}:\n{}", case.rule, case.name, case.source).unwrap();
        }
    }
    println!("{} cases, {count} wrong", cases.len());
    assert!(wrong.is_empty(), "{count} of {} cases:\n{wrong}", cases.len());
}

#[test]
fn every_entry_says_why_it_is_believed() {
    for (file, table) in files() {
        for entry in tables(&table, "entry") {
            if blocks(entry) {
                assert!(!text(entry, "note").is_empty(), "{file}: {entry:?} has no note");
                assert!(!text(entry, "what").is_empty(), "{file}: {entry:?} says not what it does");
            }
        }
    }
}

#[test]
fn no_name_has_two_entries() {
    let mut seen = BTreeSet::new();
    for (file, table) in files() {
        for entry in tables(&table, "entry").filter(|it| blocks(it)) {
            let names = entry.get("names").and_then(Value::as_array).unwrap();
            for name in names.iter().filter_map(Value::as_str).flat_map(expand) {
                assert!(seen.insert(name.clone()), "{file}: {name} has another entry");
            }
        }
    }
    assert!(seen.len() > 400, "{} names", seen.len());
}
