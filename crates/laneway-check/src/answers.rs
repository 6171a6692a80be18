//! The comment that answers a finding, put where Python takes it for one.

use crate::finding::{Finding, Replacement};
use crate::lowering::summarize;

/// The edit that adds the comment; none where no comment can stand, as in a text of many lines.
///
/// Whether a place is good is not guessed: the edited text is read again.
pub(crate) fn answer(text: &str, finding: &Finding, reason: &str) -> Option<Replacement> {
    let at = finding.location.start as usize;
    let code = finding.rule.code();
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let line_end = text.get(at..)?.find('\n').map_or(text.len(), |end| at + end);
    let line = text.get(line_start..line_end)?;
    let comment = format!("# laneway: ok[{code}]({reason})");
    // A comment that answers other rules already answers this one, too: a second one is not read.
    let joined = line.rfind("laneway: ok[").map(|found| {
        let place = line_start + found + "laneway: ok[".len();
        (place, format!("{code},"))
    });
    let behind = (line_start + line.trim_end().len(), format!("  {comment}"));
    let indent = line.get(..line.len() - line.trim_start().len())?;
    let end = if line.ends_with('\r') { "\r\n" } else { "\n" };
    let above = (line_start, format!("{indent}{comment}{end}"));
    let candidates = joined.into_iter().chain([behind, above]);
    let (place, new) =
        candidates.into_iter().find(|(place, new)| answers(text, finding, *place, new))?;
    let place = u32::try_from(place).ok()?;
    Some(Replacement { start: place, end: place, text: new })
}

/// Whether a text put in here is a comment that answers the finding, and breaks nothing.
fn answers(text: &str, finding: &Finding, place: usize, new: &str) -> bool {
    let (Some(before), Some(after)) = (text.get(..place), text.get(place..)) else { return false };
    let summary = summarize(&format!("{before}{new}{after}"));
    let start = finding.location.start as usize;
    let moved = if place <= start { start + new.len() } else { start };
    let Ok(at) = u32::try_from(moved) else { return false };
    let is_answered = summary.is_answered(at, finding.rule);
    // A text that is broken already says nothing about the comment.
    is_answered && (summary.syntax_error.is_none() || summarize(text).syntax_error.is_some())
}
