//! The examples of `docs/check/` are run: what a page calls guilty is found, what it puts in its
//! place and what it says is not reported is silent, and every rule has a page of the same shape.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use laneway_check::{Cause, Evidence, Frame, Knowledge, Options, RULES, Sighting, check};

const SECTIONS: [&str; 4] = ["What it finds", "Why it matters", "Example", "Instead"];

/// A Python block of a page.
#[derive(Debug)]
struct Block {
    section: String,
    source: String,
    line: usize,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/check")
}

fn page(code: &str) -> String {
    let path = folder().join(format!("{code}.md"));
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn sections(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix("## ")).collect()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let (mut section, mut open) = (String::new(), None);
    for (number, line) in (1..).zip(page.lines()) {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        } else if line == "```python" {
            open = Some(Block { section: section.clone(), source: String::new(), line: number });
        } else if line == "```" {
            found.extend(open.take());
        } else if let Some(block) = &mut open {
            block.source.push_str(line);
            block.source.push('\n');
        }
    }
    found
}

/// The lines of a block on which the rule speaks.
fn findings(block: &Block, code: &str) -> BTreeSet<u32> {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("example.py"), &block.source).unwrap();
    let options = Options {
        paths: vec![root.path().to_owned()],
        base: root.path().to_owned(),
        exclude: Vec::new(),
        includes_tests: true,
        respects_ignores: false,
        cache: None,
        is_strict: code == "LW001",
        evidence: Some(seen(block)),
    };
    let report = check(&options, &Knowledge::load(&[]).unwrap());
    assert!(report.problems.is_empty(), "{code}.md:{}: {:?}", block.line, report.problems);
    let of_rule = report.findings.iter().filter(|it| it.rule.code() == code);
    of_rule.map(|it| it.location.line).collect()
}

/// What the marks `# seen: FUNCTION` of a block say was measured.
fn seen(block: &Block) -> Evidence {
    let sightings = (1..).zip(block.source.lines()).filter_map(|(line, text)| {
        let (_, function) = text.split_once("# seen: ")?;
        let function = function.split_whitespace().next()?.to_owned();
        Some(Sighting {
            frame: Frame { file: "example.py".to_owned(), line, function },
            stack: Vec::new(),
            task: "example".to_owned(),
            cause: Cause::Computes,
            count: 1,
            total: Duration::from_millis(80),
            longest: Duration::from_millis(80),
        })
    });
    Evidence { sightings: sightings.collect(), loop_time: Duration::from_secs(1) }
}

fn expected(block: &Block, code: &str) -> BTreeSet<u32> {
    let lines = (1..).zip(block.source.lines());
    let labelled = lines.filter(|(_, line)| {
        line.split_once("# expect:").is_some_and(|(_, codes)| codes.contains(code))
    });
    labelled.map(|(number, _)| number).collect()
}

#[test]
fn the_examples_of_every_page_are_true() {
    let mut wrong = Vec::new();
    for entry in RULES {
        for block in blocks(&page(entry.code)) {
            let (found, expected) = (findings(&block, entry.code), expected(&block, entry.code));
            if found != expected {
                let place = format!("{}.md:{} ({})", entry.code, block.line, block.section);
                wrong.push(format!("{place}: found on {found:?}, expected on {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_has_a_page_of_the_same_shape() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    for entry in RULES {
        let code = entry.code;
        let page = page(code);
        assert!(page.starts_with(&format!("# {code}: ")), "{code}.md does not begin with its code");
        let found = sections(&page);
        assert!(found.starts_with(&SECTIONS), "{code}.md has the sections {found:?}");
        assert!(index.contains(&format!("({code}.md)")), "the index does not link {code}.md");
        let blocks = blocks(&page);
        let guilty = blocks.iter().filter(|it| it.section == "Example");
        assert!(guilty.clone().count() > 0, "{code}.md has no example");
        for block in guilty {
            assert!(
                !expected(block, code).is_empty(),
                "{code}.md:{}: nothing expected",
                block.line
            );
        }
        for block in blocks.iter().filter(|it| it.section != "Example") {
            assert!(expected(block, code).is_empty(), "{code}.md:{}: expects one", block.line);
        }
    }
}
