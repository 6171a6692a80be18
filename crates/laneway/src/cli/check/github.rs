//! Findings as annotations that GitHub Actions puts on the lines of a change.

use laneway_check::{Finding, Tier};

use super::super::output::Output;
use super::evidence::in_words;

pub(super) fn write(findings: &[&Finding], output: &mut Output) {
    for finding in findings {
        output.line(&annotation(finding));
    }
}

fn annotation(finding: &Finding) -> String {
    let level = match finding.tier {
        Tier::Error => "error",
        Tier::Warning => "warning",
        Tier::Hint => "notice",
    };
    let place = &finding.location;
    let mut message = finding.message.clone();
    if let Some(suggestion) = &finding.suggestion {
        message = format!("{message}\n{suggestion}");
    }
    if let Some(cost) = &finding.measured {
        message = format!("{message}\nmeasured: {}", in_words(cost));
    }
    format!(
        "::{level} file={},line={},col={},endLine={},title={}::{}",
        property(&place.path),
        place.line,
        place.column,
        place.end_line,
        property(&format!("{} {}", finding.rule.code(), finding.rule.entry().title)),
        data(&message)
    )
}

/// Escapes what ends a message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes what ends a property of a workflow command, too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
