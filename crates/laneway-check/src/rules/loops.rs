//! LW402: objects that belong to one event loop, kept where another one may use them.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::knowledge::Kind;
use crate::program::Place;
use crate::resolve::Value;
use crate::rules::Rule;
use crate::summary::{Call, Condition, ScopeId, ScopeKind};

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for call in source.summary.calls.iter().filter(|call| !call.is_guarded) {
            let place = Place { file, scope: call.scope };
            if !is_of_interest(checkup, place, call) {
                continue;
            }
            for value in checkup.callees(place, call).iter() {
                let Value::Known(node) = value else { continue };
                let kind = checkup.resolver.knowledge.entry(*node).map(|entry| entry.kind);
                let path = checkup.resolver.knowledge.path(*node);
                match kind {
                    Some(Kind::CurrentLoop) => drafts.extend(current_loop(checkup, place, call)),
                    Some(Kind::LoopBound) if is_of_import(checkup, place) => {
                        drafts.push(bound(checkup, place, call, path));
                    }
                    _ => {}
                }
            }
        }
    }
    checkup.extend(drafts);
}

/// Most calls are of no interest, and what they mean is not worth being asked.
fn is_of_interest(checkup: &Checkup<'_>, place: Place, call: &Call) -> bool {
    is_of_import(checkup, place)
        || checkup.called_name(place, call).is_some_and(|name| name == "get_event_loop")
}

/// Whether code runs when its module is imported: that of the module, and of its classes.
fn is_of_import(checkup: &Checkup<'_>, place: Place) -> bool {
    let mut here = place;
    while here.scope != ScopeId::MODULE {
        let Some(scope) = checkup.program.scope(here) else { return false };
        if scope.kind != ScopeKind::Class {
            return false;
        }
        here = Place { file: here.file, scope: scope.parent };
    }
    true
}

fn current_loop(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<Draft> {
    let scope = checkup.program.scope(place)?;
    let summary = checkup.program.summary(place.file);
    let is_handled = summary.conditions(call.branch).any(|it| it == Condition::WithoutLoop);
    if scope.kind == ScopeKind::Async || checkup.graph.is_on_loop(place) || is_handled {
        return None;
    }
    let span = checkup.span(place, call.expr);
    let message = if scope.kind == ScopeKind::Module {
        "the loop of the import is kept: `asyncio.run` makes another one, and Python 3.14 refuses where there is none".to_owned()
    } else {
        let function = short_name(checkup, place);
        format!(
            "`asyncio.get_event_loop` in the sync `{function}` gives another loop than the one that runs, or fails since Python 3.14"
        )
    };
    let suggestion =
        "call `asyncio.run(…)` here, or `asyncio.get_running_loop()` where a loop runs";
    let mut draft = Draft::new(Rule::Lw402, place, span, message).suggest(suggestion);
    // A loop that is not run here is mostly asked for where it runs: the caller is not known.
    if scope.kind != ScopeKind::Module && !runs_loop(checkup, place) {
        draft.tier = draft.tier.lowered();
    }
    Some(draft)
}

fn runs_loop(checkup: &Checkup<'_>, place: Place) -> bool {
    let mut calls = checkup.program.calls(place);
    calls.any(|call| {
        matches!(checkup.called_name(place, call), Some("run_until_complete" | "run_forever"))
    })
}

fn bound(checkup: &Checkup<'_>, place: Place, call: &Call, path: &str) -> Draft {
    let span = checkup.span(place, call.expr);
    let message =
        format!("`{path}` made at import belongs to no loop, or to the first one that uses it");
    Draft::new(Rule::Lw402, place, span, message)
        .suggest("make it in the async function that starts the service")
}
