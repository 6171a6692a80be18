//! From what the rules left to findings: lines and columns, comments that answer them, edits.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::finding::{Finding, Fix, Location, Step};
use crate::graph::Edge;
use crate::program::{FileId, Place, Program};
use crate::rules::{Draft, Rule};
use crate::summary::{Directive, Span, Summary};

mod edits;

/// The texts of the files with findings, read again: they are few.
#[derive(Debug)]
struct Texts<'a> {
    program: &'a Program,
    texts: FxHashMap<FileId, Arc<str>>,
}

/// The findings in the order of files and lines, and how many a comment answers.
pub(crate) fn finish(program: &Program, mut drafts: Vec<Draft>) -> (Vec<Finding>, usize) {
    let mut texts = Texts { program, texts: FxHashMap::default() };
    drafts.sort_by_key(|draft| (draft.place.file, draft.span.start, draft.rule));
    drafts.dedup_by_key(|draft| {
        (draft.place.file, draft.span.start, draft.span.end, draft.rule, draft.call.clone())
    });
    let all = drafts.len();
    drafts.retain(|draft| !is_answered(program, draft));
    let answered = all - drafts.len();
    let mut seen: FxHashMap<String, usize> = FxHashMap::default();
    let findings = drafts.into_iter().map(|draft| {
        let mut finding = texts.finding(draft);
        let count = seen.entry(finding.fingerprint.clone()).or_default();
        *count += 1;
        finding.fingerprint = format!("{}:{count}", finding.fingerprint);
        finding
    });
    let mut findings: Vec<Finding> = findings.collect();
    findings.sort_by(|a, b| {
        let key = |it: &Finding| (it.location.path.clone(), it.location.start, it.rule);
        key(a).cmp(&key(b))
    });
    (findings, answered)
}

/// A lock that is held across an await is told once, not as a wait for the lock as well.
pub(crate) fn hide_locks(drafts: &mut Vec<Draft>) {
    let held: Vec<(FileId, Span)> = drafts
        .iter()
        .filter(|draft| draft.rule == Rule::Lw403)
        .map(|draft| (draft.place.file, draft.span))
        .collect();
    drafts.retain(|draft| {
        draft.rule != Rule::Lw107
            || !held.iter().any(|(file, span)| {
                *file == draft.place.file
                    && span.start < draft.span.start
                    && draft.span.end <= span.end
            })
    });
}

/// A comment on the line of the finding, or on that of the call by which an async function begins
/// the way to it.
fn is_answered(program: &Program, draft: &Draft) -> bool {
    comments(program, draft).any(|it| it.has_reason)
}

/// The comments that speak to a finding.
fn comments<'p>(program: &'p Program, draft: &Draft) -> impl Iterator<Item = &'p Directive> {
    let rule = draft.rule;
    let first = draft.way.first().map(|edge| {
        let summary = program.summary(edge.caller.file);
        (summary, summary.node(edge.expr).span.start)
    });
    let own = (program.summary(draft.place.file), draft.span.start);
    let places = std::iter::once(own).chain(first);
    places.flat_map(move |(summary, at)| summary.comments(at, rule))
}

impl Summary {
    /// Whether a comment answers a rule at an offset.
    pub(crate) fn is_answered(&self, at: u32, rule: Rule) -> bool {
        self.comments(at, rule).any(|it| it.has_reason)
    }

    /// The comments that speak of a rule at an offset.
    fn comments(&self, at: u32, rule: Rule) -> impl Iterator<Item = &Directive> {
        self.directives.iter().filter(move |directive| {
            let mut rules = directive.rules.iter();
            let is_meant = directive.rules.is_empty() || rules.any(|it| it == rule.code());
            is_meant && directive.line.contains(at)
        })
    }
}

/// What to do, for a finding that a comment was meant to answer.
fn with_reason(suggestion: Option<String>) -> String {
    const MISSING: &str = "the comment has no reason: `# laneway: ok(why)` answers the finding";
    match suggestion {
        Some(suggestion) => format!("{suggestion}; {MISSING}"),
        None => MISSING.to_owned(),
    }
}

impl Texts<'_> {
    fn text(&mut self, file: FileId) -> Arc<str> {
        let program = self.program;
        let text = self.texts.entry(file).or_insert_with(|| {
            let Some(file) = program.file(file) else { return Arc::default() };
            let kept = file.text.clone();
            // It was found fit to be parsed before.
            kept.unwrap_or_else(|| {
                crate::check::read_decoded(&file.real_path).unwrap_or_default().into()
            })
        });
        text.clone()
    }

    fn location(&mut self, file: FileId, span: Span) -> Location {
        let text = self.text(file);
        let Some(source) = self.program.file(file) else { return Location::nowhere() };
        let column = |offset: u32, line_start: u32| {
            let before = text.get(line_start as usize..offset as usize).unwrap_or("");
            u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX)
        };
        let (line, line_start) = source.lines.line(span.start);
        let (end_line, end_start) = source.lines.line(span.end);
        Location {
            path: source.path.clone(),
            line,
            column: column(span.start, line_start),
            end_line,
            end_column: column(span.end, end_start),
            start: span.start,
            end: span.end,
        }
    }

    fn finding(&mut self, draft: Draft) -> Finding {
        let program = self.program;
        let location = self.location(draft.place.file, draft.span);
        let function = program.qualified_name(draft.place);
        let call = draft.call.as_deref().unwrap_or("");
        let fingerprint = match &draft.identity {
            Some(identity) => format!("{}:{identity}", draft.rule.code()),
            None => format!("{}:{}:{function}:{call}", draft.rule.code(), location.path),
        };
        let others = draft.others.iter().map(|(file, span)| self.location(*file, *span)).collect();
        let chain = self.chain(&draft.way);
        let choke_point = draft.choke_point.map(|place| self.definition(place));
        let fix = draft.edit.as_ref().map(|edit| self.fix(&draft, edit));
        let is_without_reason = comments(program, &draft).next().is_some();
        let suggestion =
            if is_without_reason { Some(with_reason(draft.suggestion)) } else { draft.suggestion };
        Finding {
            rule: draft.rule,
            tier: draft.tier,
            confidence: draft.confidence,
            location,
            function,
            message: draft.message,
            call: draft.call,
            chain,
            entry_points: draft.entry_points,
            choke_point,
            suggestion,
            fix,
            fingerprint,
            others,
            measured: draft.measured,
        }
    }

    fn definition(&mut self, place: Place) -> Step {
        let span = self.program.scope(place).map(|scope| scope.name_span).unwrap_or_default();
        Step {
            function: self.program.qualified_name(place),
            location: self.location(place.file, span),
        }
    }

    fn chain(&mut self, way: &[Edge]) -> Vec<Step> {
        let mut chain = Vec::new();
        if let Some(first) = way.first() {
            chain.push(self.definition(first.caller));
        }
        for edge in way {
            let span = self.program.summary(edge.caller.file).node(edge.expr).span;
            chain.push(Step {
                function: self.program.qualified_name(edge.callee),
                location: self.location(edge.caller.file, span),
            });
        }
        chain
    }

    fn fix(&mut self, draft: &Draft, edit: &crate::rules::Edit) -> Fix {
        let text = self.text(draft.place.file);
        let summary = self.program.summary(draft.place.file);
        let (replacements, insertions) = edits::replacements(&edit.change, summary, &text);
        Fix { title: edit.title.clone(), replacements, insertions }
    }
}

impl Location {
    fn nowhere() -> Self {
        Self { path: "".into(), line: 1, column: 1, end_line: 1, end_column: 1, start: 0, end: 0 }
    }
}
