//! What an editor offers to do about findings.

use std::collections::HashMap;
use std::path::Path;

use gen_lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionResponse, DocumentChange, Edit,
    OptionalVersionedTextDocumentIdentifier, Range, TextDocumentEdit, TextDocumentIdentifier,
    TextEdit, Uri, WorkspaceEdit,
};
use laneway_check::{Replacement, replacements};

use super::project::{Project, Shown};
use super::text::Text;

/// All edits that keep the meaning, such as on saving.
pub(super) const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.laneway");

/// What stands for the reason until somebody writes one.
const REASON: &str = "reason";

/// The text that edits are for.
pub(super) struct Target<'a> {
    pub(super) path: &'a Path,
    pub(super) uri: Uri,
    /// Its version; none for a file that is not open.
    pub(super) version: Option<i32>,
    /// Whether the editor can be told the version.
    pub(super) knows_versions: bool,
}

/// The actions for a piece of a text.
pub(super) fn actions(
    project: &Project,
    target: &Target<'_>,
    range: Range,
    context: &CodeActionContext,
) -> Vec<CodeActionResponse> {
    let Some(text) = project.text_of(target.path) else { return Vec::new() };
    let shown = project.shown(target.path);
    let mut actions = Vec::new();
    if is_wanted(context, &CodeActionKind::QuickFix) {
        for it in shown.iter().filter(|it| touches(it.diagnostic.range, range)) {
            actions.extend(mend(it, target, &text));
            actions.extend(answer(project, it, target, &text));
        }
    }
    // Nobody asks for all edits by pointing at one line.
    if context.only.is_some() && is_wanted(context, &FIX_ALL) {
        actions.extend(mend_all(shown, target, &text));
    }
    actions.into_iter().map(CodeActionResponse::CodeAction).collect()
}

/// Whether this kind, or a more general one, is asked for.
fn is_wanted(context: &CodeActionContext, kind: &CodeActionKind) -> bool {
    let name = String::from(kind.clone());
    context.only.as_ref().is_none_or(|only| {
        only.iter().map(|it| String::from(it.clone())).any(|wanted| {
            wanted.is_empty()
                || name.strip_prefix(&wanted).is_some_and(|it| it.is_empty() || it.starts_with('.'))
        })
    })
}

fn touches(a: Range, b: Range) -> bool {
    let place = |it: gen_lsp_types::Position| (it.line, it.character);
    place(a.start) <= place(b.end) && place(b.start) <= place(a.end)
}

/// The edit of `--fix`.
fn mend(shown: &Shown, target: &Target<'_>, text: &Text) -> Option<CodeAction> {
    let fix = shown.finding.fix.as_ref()?;
    let pieces = fix.insertions.iter().chain(&fix.replacements).collect();
    Some(CodeAction {
        title: capitalised(&fix.title),
        kind: Some(CodeActionKind::QuickFix),
        diagnostics: Some(vec![shown.diagnostic.clone()]),
        is_preferred: Some(true),
        edit: Some(edit(pieces, target, text)),
        ..CodeAction::default()
    })
}

/// The comment that answers the finding.
fn answer(
    project: &Project,
    shown: &Shown,
    target: &Target<'_>,
    text: &Text,
) -> Option<CodeAction> {
    let code = shown.finding.rule.code();
    let piece = project.answer(&shown.finding, REASON)?;
    Some(CodeAction {
        title: format!("Answer {code} with a comment: `laneway: ok[{code}]({REASON})`"),
        kind: Some(CodeActionKind::QuickFix),
        diagnostics: Some(vec![shown.diagnostic.clone()]),
        edit: Some(edit(vec![&piece], target, text)),
        ..CodeAction::default()
    })
}

fn mend_all(shown: &[Shown], target: &Target<'_>, text: &Text) -> Option<CodeAction> {
    let (pieces, count) = replacements(shown.iter().map(|it| &it.finding));
    (count > 0).then(|| CodeAction {
        title: "Mend what Laneway can mend without changing the meaning".to_owned(),
        kind: Some(FIX_ALL),
        edit: Some(edit(pieces, target, text)),
        ..CodeAction::default()
    })
}

fn edit(pieces: Vec<&Replacement>, target: &Target<'_>, text: &Text) -> WorkspaceEdit {
    let edits = pieces.into_iter().map(|piece| TextEdit {
        range: text.range(piece.start, piece.end),
        new_text: piece.text.clone(),
    });
    if !target.knows_versions {
        let changes = HashMap::from([(target.uri.clone(), edits.collect())]);
        return WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() };
    }
    let document = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier {
            version: target.version,
            text_document_identifier: TextDocumentIdentifier { uri: target.uri.clone() },
        },
        edits: edits.map(Edit::TextEdit).collect(),
    };
    WorkspaceEdit {
        document_changes: Some(vec![DocumentChange::TextDocumentEdit(document)]),
        ..WorkspaceEdit::default()
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
