//! Edits as replacements of text.

use crate::finding::Replacement;
use crate::rules::Change;
use crate::summary::{Span, Summary};

/// The function that edits of LW302 put into a module.
const KEEPER: &str = "_keep_task";
const KEEPER_CODE: &str = r#"
_background_tasks = set()


def _keep_task(task):
    """Hold a task until it is done: the event loop itself holds it weakly."""
    _background_tasks.add(task)
    task.add_done_callback(_background_tasks.discard)
    return task
"#;

/// What replaces what, and what the new text needs at the head of the file.
pub(super) fn replacements(
    change: &Change,
    summary: &Summary,
    text: &str,
) -> (Vec<Replacement>, Vec<Replacement>) {
    match change {
        Change::Rename { function, call, name, is_operand } => {
            let (open, close) = if *is_operand { ("(", ")") } else { ("", "") };
            let Span { start, end } = *function;
            let mut pieces = vec![Replacement { start, end, text: format!("{open}await {name}") }];
            if *is_operand {
                pieces.push(Replacement { start: call.end, end: call.end, text: close.to_owned() });
            }
            (pieces, import(name, summary, text).into_iter().collect())
        }
        Change::Keep { call } => {
            let before = format!("{KEEPER}(");
            let pieces = vec![
                Replacement { start: call.start, end: call.start, text: before },
                Replacement { start: call.end, end: call.end, text: ")".to_owned() },
            ];
            let has_keeper = summary.names.find(KEEPER).is_some();
            let keeper = (!has_keeper).then(|| spaced(insertion(summary, text, KEEPER_CODE), text));
            (pieces, keeper.into_iter().collect())
        }
    }
}

/// A function with two empty lines before what follows it.
fn spaced(mut insertion: Replacement, text: &str) -> Replacement {
    let rest = text.get(insertion.end as usize..).unwrap_or("");
    let empty = rest.len() - rest.trim_start_matches('\n').len();
    if empty < rest.len() {
        insertion.text.push_str("\n\n".get(empty.min(2)..).unwrap_or(""));
    }
    insertion
}

/// `import asyncio`, unless the module has it.
fn import(name: &str, summary: &Summary, text: &str) -> Option<Replacement> {
    let (module, _) = name.rsplit_once('.')?;
    let is_bound = summary.imports.iter().any(|import| {
        import.scope == crate::summary::ScopeId::MODULE
            && import.names.is_empty()
            && import.module.is_some_and(|it| summary.text(it) == module)
            // `import asyncio as aio` binds another name.
            && text.get(import.span.start as usize..import.span.end as usize)
                .is_some_and(|it| !it.contains(" as "))
    });
    (!is_bound).then(|| insertion(summary, text, &format!("import {module}\n")))
}

/// Code of its own lines behind the imports with which the file begins.
fn insertion(summary: &Summary, text: &str, code: &str) -> Replacement {
    let head = summary.head;
    let at = if head.is_behind {
        let rest = text.get(head.at as usize..).unwrap_or("");
        let line = rest.find('\n').map_or(rest.len(), |end| end + 1);
        head.at + u32::try_from(line).unwrap_or(0)
    } else {
        0
    };
    let is_line = at == 0 || text.as_bytes().get(at as usize - 1) == Some(&b'\n');
    let code = if is_line { code.to_owned() } else { format!("\n{code}") };
    Replacement { start: at, end: at, text: code }
}
