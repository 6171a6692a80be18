//! Findings for people: the code with what is wrong marked in it, and the way that leads there.

use std::collections::HashMap;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use laneway_check::{Confidence, Finding, Location, Report, Rule, Tier};

use super::super::advise::page::Page;
use super::super::humane::counted;
use super::super::output::{Output, plain};
use super::evidence::in_words;

/// How many steps of a way are shown with their code.
const STEPS_MAX: usize = 6;

/// How many other places of the same trouble are named.
const OTHERS_MAX: usize = 4;

/// Larger files are data; the analysis does not read them either.
const SOURCE_BYTES_MAX: u64 = 16 << 20;

/// The pieces of the files that findings show.
#[derive(Default)]
struct Texts {
    texts: HashMap<String, String>,
}

impl Texts {
    /// The lines of a place, the number of the first, and where the place begins and ends in them.
    fn piece(
        &mut self,
        folder: &Path,
        place: &Location,
    ) -> (String, usize, std::ops::Range<usize>) {
        let text = self.texts.entry(place.path.to_string()).or_insert_with(|| {
            let bytes = source(&folder.join(&*place.path)).unwrap_or_default();
            String::from_utf8(bytes)
                .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect())
        });
        let line = place.line as usize;
        // A long call is shown by its first line.
        let lines = text.lines().skip(line.saturating_sub(1)).take(1);
        let piece = lines.collect::<Vec<_>>().join("\n");
        let at = |column: u32| {
            let chars = piece.char_indices().nth(column.saturating_sub(1) as usize);
            chars.map_or(piece.len(), |(at, _)| at)
        };
        let start = at(place.column);
        let end = if place.end_line == place.line { at(place.end_column) } else { piece.len() };
        (plain_line(&piece), line, start..end.max(start))
    }
}

/// The bytes of a Python file. A store that others may write to can name any path.
fn source(path: &Path) -> Option<Vec<u8>> {
    let is_python = path.extension().is_some_and(|it| it == "py");
    let about = std::fs::metadata(path).ok().filter(|about| is_python && about.is_file())?;
    (about.len() <= SOURCE_BYTES_MAX).then(|| std::fs::read(path).ok())?
}

/// A line without control characters, of the same length in bytes.
fn plain_line(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_control() && it != '\t' && it.len_utf8() == 1 { ' ' } else { it })
        .collect()
}

pub(super) fn write(findings: &[&Finding], folder: &Path, page: Page<'_>, output: &mut Output) {
    let mut texts = Texts::default();
    let renderer = Renderer::styled().term_width(page.width);
    for finding in findings {
        output.line(&renderer.render(&groups(finding, folder, &mut texts)));
        output.line("");
    }
}

fn level(tier: Tier) -> Level<'static> {
    match tier {
        Tier::Error => Level::ERROR,
        Tier::Warning => Level::WARNING,
        Tier::Hint => Level::NOTE.with_name("hint"),
    }
}

fn groups(finding: &Finding, folder: &Path, texts: &mut Texts) -> Vec<Group<'static>> {
    let (source, line, span) = texts.piece(folder, &finding.location);
    let title = level(finding.tier).primary_title(plain(&finding.message)).id(finding.rule.code());
    let mut group = title.element(
        Snippet::source(source)
            .line_start(line)
            .path(finding.location.path.to_string())
            .annotation(AnnotationKind::Primary.span(span)),
    );
    let steps = finding.chain.windows(2).take(STEPS_MAX);
    for step in steps {
        let [from, to] = step else { continue };
        let (source, line, span) = texts.piece(folder, &to.location);
        let label = format!("`{}` calls `{}`", last(&from.function), last(&to.function));
        group = group.element(
            Snippet::source(source)
                .line_start(line)
                .path(to.location.path.to_string())
                .annotation(AnnotationKind::Context.span(span).label(label)),
        );
    }
    if finding.chain.len() > STEPS_MAX + 1 {
        let rest = finding.chain.len() - STEPS_MAX - 1;
        group = group.element(Level::NOTE.message(format!("{} more", counted(rest, "call"))));
    }
    if finding.entry_points > 1 {
        let text = match &finding.choke_point {
            Some(choke) => format!(
                "{} async functions reach it, all through `{}`",
                finding.entry_points,
                last(&choke.function)
            ),
            None => format!("{} async functions reach it", finding.entry_points),
        };
        group = group.element(Level::NOTE.message(text));
    }
    if let Some(cost) = &finding.measured {
        let tasks = cost.tasks.join("`, `");
        let text = format!("measured: {}; for `{}`", in_words(cost), plain(&tasks));
        group = group.element(Level::NOTE.message(text));
    }
    if !finding.others.is_empty() {
        group = group.element(Level::NOTE.message(others(&finding.others)));
    }
    if finding.confidence != Confidence::High {
        let text = "a name on the way has more than one meaning, and this is one of them";
        group = group.element(Level::NOTE.message(text));
    }
    if let Some(suggestion) = &finding.suggestion {
        group = group.element(Level::HELP.message(suggestion.clone()));
    }
    vec![group]
}

/// The other places, as many as are worth reading.
fn others(places: &[Location]) -> String {
    let named = places.iter().take(OTHERS_MAX).map(|it| format!("{}:{}", it.path, it.line));
    let mut text = format!("also at {}", named.collect::<Vec<_>>().join(", "));
    if let Some(rest) = places.len().checked_sub(OTHERS_MAX).filter(|rest| *rest > 0) {
        text = format!("{text} and {}", counted(rest, "more place"));
    }
    plain(&text)
}

/// The last two parts of a dotted name.
fn last(name: &str) -> String {
    let parts: Vec<&str> = name.rsplit('.').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(".")
}

/// One line a finding.
pub(super) fn write_concise(findings: &[&Finding], output: &mut Output) {
    for finding in findings {
        let Location { path, line, column, .. } = &finding.location;
        let text = plain(&finding.message);
        output.line(&format!(
            "{path}:{line}:{column}: {} [{}] {text}{}",
            finding.tier.as_str(),
            finding.rule.code(),
            finding
                .measured
                .as_ref()
                .map_or_else(String::new, |cost| format!(" (measured: {})", in_words(cost)))
        ));
    }
}

/// What could not be read, how much was, and what is not shown.
pub(super) fn write_summary(
    report: &Report,
    shown: &[&Finding],
    hidden: &[Tier],
    output: &mut Output,
) {
    for problem in &report.problems {
        let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
        output.warning(&plain(&format!("{}{line}: {}", problem.path, problem.message)));
    }
    let told = shown.iter().filter(|it| it.rule != Rule::Lw001).map(|it| it.tier);
    let told: Vec<Tier> = told.collect();
    let count = |tier: Tier| told.iter().filter(|it| **it == tier).count();
    let mut counts = vec![
        counted(count(Tier::Error), Tier::Error.as_str()),
        counted(count(Tier::Warning), Tier::Warning.as_str()),
    ];
    if count(Tier::Hint) > 0 {
        counts.push(counted(count(Tier::Hint), Tier::Hint.as_str()));
    }
    let lost = shown.iter().filter(|it| it.rule == Rule::Lw001);
    let lost: Vec<usize> = lost.map(|it| it.others.len() + 1).collect();
    let mut text = format!(
        "{} in {} ({} lines)",
        listed(&counts),
        counted(report.files, "file"),
        report.lines
    );
    if !lost.is_empty() {
        let calls = counted(lost.iter().sum::<usize>(), "call");
        let causes = counted(lost.len(), "reason");
        text = format!("{text}; {calls} could not be followed, for {causes}");
    }
    if let Some(least) = hidden.iter().max() {
        let tiers = [Tier::Warning, Tier::Hint].map(|tier| {
            let count = hidden.iter().filter(|it| **it == tier).count();
            (count > 0).then(|| counted(count, tier.as_str()))
        });
        let tiers: Vec<String> = tiers.into_iter().flatten().collect();
        let (tiers, least) = (listed(&tiers), least.as_str());
        text = format!("{text}; {tiers} left out, which `--tier {least}` shows");
    }
    if report.tests > 0 {
        let files = counted(report.tests, "file");
        text = format!("{text}; {files} of tests left out, which `--include-tests` shows");
    }
    if report.answered > 0 {
        text = format!("{text}; {} answered by comments", report.answered);
    }
    output.note(&text);
}

/// `a`, `a and b`, `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
