//! LW303: an `except` that takes a cancellation and does not pass it on.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::finding::Tier;
use crate::program::Place;
use crate::rules::Rule;
use crate::summary::{Handler, HandlerEnd, ScopeKind, Summary};

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for handler in &source.summary.handlers {
            let place = Place { file, scope: handler.scope };
            let is_async = program.scope(place).is_some_and(|scope| scope.kind == ScopeKind::Async);
            // Cancellation arrives at an await, so there must be one to be guarded.
            if is_async && handler.guarded_awaits > 0 && handler.end != HandlerEnd::Raises {
                drafts.extend(swallowed(checkup, place, handler, &source.summary));
            }
        }
    }
    checkup.extend(drafts);
}

fn swallowed(
    checkup: &Checkup<'_>,
    place: Place,
    handler: &Handler,
    summary: &Summary,
) -> Option<Draft> {
    if handler.cancellation_is_handled {
        return None;
    }
    let names: Vec<&str> =
        handler.exceptions.iter().filter_map(|it| summary.last_name(*it)).collect();
    let how = if handler.exceptions.is_empty() {
        "a bare `except:`"
    } else if names.contains(&"BaseException") {
        "`except BaseException`"
    } else if names.contains(&"CancelledError") && is_endless(handler, summary) {
        "`except CancelledError` in an endless loop"
    } else if names.contains(&"CancelledError") && !cancels(checkup, place) {
        "`except CancelledError`"
    } else {
        return None;
    };
    let function = short_name(checkup, place);
    let message =
        format!("{how} swallows the cancellation of `{function}`, which then cannot be stopped");
    let suggestion = if handler.exceptions.is_empty() || names.contains(&"BaseException") {
        "catch `Exception`, or end with `raise`"
    } else {
        "clean up in `finally`, or end with `raise`"
    };
    let mut draft = Draft::new(Rule::Lw303, place, handler.head, message).suggest(suggestion);
    if how == "`except CancelledError`" {
        // Whoever names it mostly ends a task of his own with it.
        draft.tier = Tier::Hint;
    }
    Some(draft)
}

/// Whether the function cancels something itself: then the cancellation it takes is that one's.
fn cancels(checkup: &Checkup<'_>, place: Place) -> bool {
    checkup.program.calls(place).any(|call| {
        checkup.called_name(place, call).is_some_and(|name| matches!(name, "cancel" | "cancelled"))
    })
}

/// A task that catches its cancellation and goes on with the next turn of `while True`.
fn is_endless(handler: &Handler, summary: &Summary) -> bool {
    let inside = handler.inside.and_then(|at| summary.loop_at(at));
    inside.is_some_and(|it| it.facts.is_endless) && handler.end == HandlerEnd::GoesOn
}
