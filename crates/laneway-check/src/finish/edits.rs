//! Edits as replacements of text.

use crate::finding::Replacement;
use crate::rules::Change;
use crate::summary::Span;

/// What replaces what, and which modules the new text needs.
pub(super) fn replacements(change: &Change, text: &str) -> (Vec<Replacement>, Vec<String>) {
    match change {
        Change::Rename { function, name } => rename(*function, name),
        Change::Keep { statement } => keep(*statement, text),
    }
}

fn rename(function: Span, name: &str) -> (Vec<Replacement>, Vec<String>) {
    let module = name.rsplit_once('.').map(|(module, _)| module.to_owned());
    let Span { start, end } = function;
    let replacement = Replacement { start, end, text: format!("await {name}") };
    (vec![replacement], module.into_iter().collect())
}

/// A task that is kept in a set of the module until it is done.
fn keep(statement: Span, text: &str) -> (Vec<Replacement>, Vec<String>) {
    let before = text.get(..statement.start as usize).unwrap_or("");
    let line = before.rsplit('\n').next().unwrap_or("");
    let indent: String = line.chars().take_while(|it| it.is_whitespace()).collect();
    let replacements = vec![
        Replacement { start: statement.start, end: statement.start, text: "task = ".to_owned() },
        Replacement {
            start: statement.end,
            end: statement.end,
            text: format!(
                "\n{indent}_background_tasks.add(task)\n{indent}task.add_done_callback(_background_tasks.discard)"
            ),
        },
    ];
    (replacements, vec!["_background_tasks".to_owned()])
}
