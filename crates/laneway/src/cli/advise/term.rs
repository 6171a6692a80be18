//! `laneway explain` of what needs no store: a rule of the advice, a rule of `laneway check`, an
//! error code.

use laneway_check::{RULES as CHECK_RULES, RuleEntry as CheckEntry};
use laneway_core::error::{Code, Entry, Error, closest_name};
use laneway_core::verdict::{RULES, RuleEntry, THRESHOLDS, Threshold};
use serde_json::json;

use super::explain::quantity;
use super::page::{Block, Page};
use crate::cli::output::{CYAN, Output};

/// What a name stands for that no task should have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Term {
    /// A rule of the advice, such as `R4`.
    Rule(&'static RuleEntry),
    /// A rule of `laneway check`, such as `LW101`.
    Check(&'static CheckEntry),
    /// An error, such as `LW2010`.
    Error(Code),
}

impl Term {
    /// What `text` stands for; nothing where it looks neither like a rule nor like a code, and may
    /// be a task.
    ///
    /// # Errors
    /// `LW1023` when it looks like one and there is no such one.
    pub(super) fn find(text: &str) -> Result<Option<Self>, Error> {
        let name = text.to_ascii_uppercase();
        let number = |prefix: &str| {
            let digits = name.strip_prefix(prefix)?;
            let is_number = !digits.is_empty() && digits.bytes().all(|sign| sign.is_ascii_digit());
            is_number.then_some(digits.len())
        };
        let (Some(digits), kind) = number("R")
            .map_or_else(|| (number("LW"), Kind::Code), |digits| (Some(digits), Kind::Rule))
        else {
            return Ok(None);
        };
        let known = || Self::all().filter(|term| term.kind() == kind);
        if let Some(term) = known().find(|term| term.name() == name) {
            return Ok(Some(term));
        }
        let names: Vec<String> = known().map(Self::name).collect();
        // Codes count within their length: three digits are of `laneway check`, four of errors.
        let alike = names.iter().filter(|other| kind == Kind::Rule || other.len() == digits + 2);
        let nearest = alike.min_by_key(|other| numbered(other).abs_diff(numbered(&name)));
        let nearest = nearest.map(String::as_str);
        let closest = nearest.or_else(|| closest_name(&name, names.iter().map(String::as_str)));
        Err(unknown(&name, kind, closest))
    }

    fn all() -> impl Iterator<Item = Self> {
        let rules = RULES.iter().map(Self::Rule);
        rules
            .chain(CHECK_RULES.iter().map(Self::Check))
            .chain(Code::ALL.iter().map(|code| Self::Error(*code)))
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Rule(_) => Kind::Rule,
            Self::Check(_) | Self::Error(_) => Kind::Code,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Rule(entry) => entry.rule.as_str().to_owned(),
            Self::Check(entry) => entry.code.to_owned(),
            Self::Error(code) => code.to_string(),
        }
    }

    /// Writes what it means.
    pub(super) fn write(self, page: Page<'_>, output: &mut Output) {
        match self {
            Self::Rule(entry) => write_rule(entry, page, output),
            Self::Check(entry) => write_check(entry, page, output),
            Self::Error(code) => write_code(code, page, output),
        }
    }
}

/// What a name looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `R` and digits.
    Rule,
    /// `LW` and digits.
    Code,
}

/// The digits as a number; more than fit are far from all there are.
fn numbered(name: &str) -> u64 {
    name.trim_start_matches(|sign: char| !sign.is_ascii_digit()).parse().unwrap_or(u64::MAX)
}

fn unknown(name: &str, kind: Kind, closest: Option<&str>) -> Error {
    let (what, why) = match kind {
        Kind::Rule => {
            let names = || RULES.iter().map(|entry| entry.rule.as_str());
            let [first, last] = [names().min(), names().max()].map(Option::unwrap_or_default);
            (format!("there is no rule `{name}`"), format!("the rules are `{first}` to `{last}`"))
        }
        Kind::Code => (
            format!("there is no code `{name}`"),
            "rules of `laneway check` have three digits, errors four; docs/check/README.md and \
             docs/errors/README.md list them"
                .to_owned(),
        ),
    };
    let error = Error::new(Code::InvalidArgument, what).why(why);
    match closest {
        Some(closest) => error.fix(format!("did you mean `{closest}`?")),
        None => error.fix("`laneway advise` lists the tasks that can be explained"),
    }
}

fn write_rule(entry: &RuleEntry, page: Page<'_>, output: &mut Output) {
    let rule = entry.rule.as_str();
    let mentioned = || {
        let of_rule = format!("({rule})");
        THRESHOLDS.iter().filter(move |threshold| threshold.reason.contains(&of_rule))
    };
    if output.is_json() {
        return output.json(json!({
            "rule": rule,
            "name": entry.name,
            "condition": entry.condition,
            "advice": entry.advice,
            "thresholds": mentioned().collect::<Vec<_>>(),
        }));
    }
    let mut block = Block::new(page);
    block.lines.push(format!("{CYAN}{rule}{CYAN:#}  {}", entry.name));
    block.row("when", entry.condition);
    block.row("advice", entry.advice);
    for Threshold { name, value, unit, reason, source } in mentioned() {
        block.gap();
        block.row("limit", &format!("{name} = {}", quantity(*value, unit)));
        block.row("why", reason);
        block.row("source", source);
    }
    block.lines.iter().for_each(|line| output.line(line));
}

/// A rule of the check has its text on a page of its own.
fn write_check(entry: &CheckEntry, page: Page<'_>, output: &mut Output) {
    let CheckEntry { code, title, tier, .. } = entry;
    let document = format!("docs/check/{code}.md");
    if output.is_json() {
        return output.json(json!({
            "code": code,
            "title": title,
            "tier": tier.as_str(),
            "page": document,
        }));
    }
    let mut block = Block::new(page);
    block.lines.push(format!("{CYAN}{code}{CYAN:#}  {title}"));
    block.row("tier", tier.as_str());
    block.row("found by", "`laneway check`, which reads the code");
    block.row("page", &document);
    block.lines.iter().for_each(|line| output.line(line));
}

fn write_code(code: Code, page: Page<'_>, output: &mut Output) {
    let Entry { title, fix, exit, retryable, .. } = code.entry();
    let document = format!("docs/errors/{code}.md");
    if output.is_json() {
        return output.json(json!({
            "code": code.to_string(),
            "title": title,
            "fix": fix,
            "exit": exit,
            "retryable": retryable,
            "page": document,
        }));
    }
    let mut block = Block::new(page);
    block.lines.push(format!("{CYAN}{code}{CYAN:#}  {title}"));
    block.row("fix", fix);
    if retryable {
        block.row("later", "the same call may succeed");
    }
    block.row("page", &document);
    block.lines.iter().for_each(|line| output.line(line));
}
