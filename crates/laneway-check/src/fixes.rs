//! Edits carried out on a text.

use crate::finding::{Finding, Replacement};

/// The text with the edits of these findings, and how many were carried out.
///
/// The findings are of this text. Where two edits touch the same piece, the later one waits for
/// another run.
pub fn fixed<'f>(text: &str, findings: impl IntoIterator<Item = &'f Finding>) -> (String, usize) {
    let (pieces, done) = replacements(findings);
    let mut result = String::with_capacity(text.len() + 64 * pieces.len());
    let mut at = 0;
    for piece in pieces {
        result.push_str(text.get(at..piece.start as usize).unwrap_or(""));
        result.push_str(&piece.text);
        at = piece.end as usize;
    }
    result.push_str(text.get(at..).unwrap_or(""));
    (result, done)
}

/// What [`fixed`] replaces, in the order of the text, and how many edits that are.
pub fn replacements<'f>(
    findings: impl IntoIterator<Item = &'f Finding>,
) -> (Vec<&'f Replacement>, usize) {
    let mut pieces: Vec<&Replacement> = Vec::new();
    let mut done = 0;
    for fix in findings.into_iter().filter_map(|finding| finding.fix.as_ref()) {
        let clashes = fix
            .replacements
            .iter()
            .any(|new| pieces.iter().any(|old| new.start < old.end && old.start < new.end));
        if clashes {
            continue;
        }
        done += 1;
        pieces.extend(&fix.replacements);
        for insertion in &fix.insertions {
            if !pieces.contains(&insertion) {
                pieces.push(insertion);
            }
        }
    }
    // What is put at one place stays in the order in which it was asked for.
    pieces.sort_by_key(|piece| (piece.start, piece.end));
    (pieces, done)
}
