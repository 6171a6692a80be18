//! LW303: an `except` that takes a cancellation and does not pass it on.

use std::cell::LazyCell;

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::finding::Tier;
use crate::program::Place;
use crate::rules::Rule;
use crate::summary::{Expr, ExprId, Handler, HandlerEnd, LoopId, ScopeKind, Span, Summary, With};

mod waits;

use waits::Waits;

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        let waits = LazyCell::new(|| Waits::of(&source.summary));
        for handler in &source.summary.handlers {
            let place = Place { file, scope: handler.scope };
            let is_async = program.scope(place).is_some_and(|scope| scope.kind == ScopeKind::Async);
            // Cancellation arrives at an await, so there must be one to be guarded.
            if is_async && handler.guarded_awaits > 0 && handler.end != HandlerEnd::Raises {
                drafts.extend(swallowed(checkup, place, handler, &waits));
            }
        }
    }
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for with in source.summary.withs.iter().filter(|it| it.awaits > 0 && !it.is_async) {
            drafts.extend(suppressed(checkup, Place { file, scope: with.scope }, with));
        }
    }
    checkup.extend(drafts);
}

/// `with suppress(CancelledError)` in an endless loop: the next turn begins as if nothing was.
fn suppressed(checkup: &Checkup<'_>, place: Place, with: &With) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    let is_async = checkup.is_async(place);
    let around = summary.loops.iter().filter(|it| {
        it.scope == with.scope && it.span.start <= with.span.start && with.span.end <= it.span.end
    });
    let innermost = around.min_by_key(|it| it.span.end - it.span.start)?;
    if !is_async || !innermost.facts.is_endless {
        return None;
    }
    let context = with.contexts.iter().find(|context| {
        let Expr::Call { function, arguments } = summary.expr(**context) else { return false };
        let takes = |name: &str| matches!(name, "CancelledError" | "BaseException");
        arguments.iter().any(|it| summary.last_name(it.value).is_some_and(takes))
            && summary.last_name(*function) == Some("suppress")
            && checkup.resolver.library_path(place, *function).as_deref()
                == Some("contextlib.suppress")
    })?;
    let function = short_name(checkup, place);
    let message = format!(
        "`suppress` in an endless loop swallows the cancellation of `{function}`, which then cannot be stopped"
    );
    let span = checkup.span(place, *context);
    Some(Draft::new(Rule::Lw303, place, span, message).suggest("put the loop into the `with`"))
}

fn swallowed(
    checkup: &Checkup<'_>,
    place: Place,
    handler: &Handler,
    waits: &Waits,
) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    let names: Vec<&str> =
        handler.exceptions.iter().filter_map(|it| summary.last_name(*it)).collect();
    let is_by_name = names.contains(&"CancelledError");
    let goes_round = goes_round(handler, summary);
    let is_meant = handler.end == HandlerEnd::Tells && !goes_round
        || handler.end == HandlerEnd::Decides && is_by_name;
    if handler.cancellation_is_handled || is_meant {
        return None;
    }
    let how = if handler.exceptions.is_empty() {
        "a bare `except:`"
    } else if names.contains(&"BaseException") {
        "`except BaseException`"
    } else if is_by_name && goes_round {
        "`except CancelledError` in an endless loop"
    } else if is_by_name && !waits.asks(handler.scope) {
        "`except CancelledError`"
    } else {
        return None;
    };
    if is_shielded(checkup, place, handler.guarded) || waits.are_of_own_tasks(summary, handler) {
        return None;
    }
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

/// Whether a scope keeps the cancellation away: `with CancelScope(shield=True)`.
fn is_shielded(checkup: &Checkup<'_>, place: Place, guarded: Span) -> bool {
    let summary = checkup.program.summary(place.file);
    let shields = |context: &ExprId| {
        let Expr::Call { arguments, .. } = summary.expr(*context) else { return false };
        arguments.iter().any(|it| {
            it.keyword.is_some_and(|name| summary.text(name) == "shield")
                && summary.literal(it.value) == Some("True")
        })
    };
    let mut around = checkup.program.withs(place).filter(|it| it.span.contains(guarded.start));
    around.any(|with| with.contexts.iter().any(shields))
}

/// Whether a handler goes on with the next turn of `while True`, as if nothing had been.
fn goes_round(handler: &Handler, summary: &Summary) -> bool {
    let at = |id: LoopId| summary.loop_at(id);
    let mut around =
        std::iter::successors(handler.inside.and_then(at), |it| it.parent.and_then(at));
    matches!(handler.end, HandlerEnd::GoesOn | HandlerEnd::Tells)
        && around.any(|it| it.facts.is_endless)
}
