//! Findings as diagnostics of the protocol.

use std::path::PathBuf;

use gen_lsp_types::{
    Code, CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location,
    Message, Position, Range, Uri,
};
use laneway_check::{FileProblem, Finding, Step, Tier};

use super::super::evidence::in_words;
use super::super::page_of;
use super::text::Text;
use super::uri::uri_of;

/// Whose diagnostics they are.
const SOURCE: &str = "laneway";

/// Where files are and what they hold, by the path that findings name them with.
pub(super) trait Files {
    fn path(&self, shown: &str) -> PathBuf;
    fn text(&mut self, shown: &str) -> Option<Text>;
}

pub(super) fn of_finding(
    finding: &Finding,
    files: &mut impl Files,
    shows_related: bool,
) -> Diagnostic {
    let mut message = match &finding.suggestion {
        Some(suggestion) => format!("{}. Instead: {suggestion}", finding.message),
        None => finding.message.clone(),
    };
    if let Some(cost) = &finding.measured {
        message = format!("{message}\nmeasured: {}", in_words(cost));
    }
    let related = shows_related.then(|| related(finding, files)).filter(|it| !it.is_empty());
    Diagnostic {
        range: range(&finding.location, files),
        severity: Some(severity(finding.tier)),
        code: Some(Code::String(finding.rule.code().to_owned())),
        code_description: Some(CodeDescription { href: page(finding) }),
        source: Some(SOURCE.to_owned()),
        message: Message::String(message),
        related_information: related,
        ..Diagnostic::default()
    }
}

/// What keeps a file from being understood stands at its line.
pub(super) fn of_problem(problem: &FileProblem) -> Diagnostic {
    Diagnostic {
        range: line_of(problem.line.unwrap_or(1)),
        severity: Some(DiagnosticSeverity::Information),
        source: Some(SOURCE.to_owned()),
        message: Message::String(problem.message.clone()),
        ..Diagnostic::default()
    }
}

/// A whole line. Editors cut a range at its end.
const fn line_of(number: u32) -> Range {
    let line = number.saturating_sub(1);
    let start = Position { line, character: 0 };
    Range { start, end: Position { line, character: 1_000 } }
}

const fn severity(tier: Tier) -> DiagnosticSeverity {
    match tier {
        Tier::Error => DiagnosticSeverity::Error,
        Tier::Warning => DiagnosticSeverity::Warning,
        Tier::Hint => DiagnosticSeverity::Hint,
    }
}

/// The rule's page on the web, as it was when this was released.
fn page(finding: &Finding) -> Uri {
    let repository = env!("CARGO_PKG_REPOSITORY");
    Uri(format!("{repository}/blob/v{}/{}", crate::VERSION, page_of(finding.rule)))
}

/// The way from the event loop to the blocking call, a place for each step.
fn related(finding: &Finding, files: &mut impl Files) -> Vec<DiagnosticRelatedInformation> {
    let mut related = Vec::new();
    if let Some(first) = finding.chain.first() {
        related.push(at(first, format!("the event loop runs `{}`", first.function), files));
    }
    for pair in finding.chain.windows(2) {
        if let [from, to] = pair {
            let message = format!("`{}` calls `{}`", from.function, to.function);
            related.push(at(to, message, files));
        }
    }
    if let (Some(choke), 2..) = (&finding.choke_point, finding.entry_points) {
        let message = format!(
            "{} async functions reach it, all through `{}`",
            finding.entry_points, choke.function
        );
        related.push(at(choke, message, files));
    }
    for place in &finding.others {
        let location = location(place, files);
        related.push(DiagnosticRelatedInformation { location, message: "here, too".to_owned() });
    }
    related
}

fn at(step: &Step, message: String, files: &mut impl Files) -> DiagnosticRelatedInformation {
    DiagnosticRelatedInformation { location: location(&step.location, files), message }
}

fn location(place: &laneway_check::Location, files: &mut impl Files) -> Location {
    Location { uri: uri_of(&files.path(&place.path)), range: range(place, files) }
}

fn range(place: &laneway_check::Location, files: &mut impl Files) -> Range {
    match files.text(&place.path) {
        Some(text) => text.range(place.start, place.end),
        // Measured in a file that is not checked: its line is known, and hardly more.
        None => line_of(place.line),
    }
}
