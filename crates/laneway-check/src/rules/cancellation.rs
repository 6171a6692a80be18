//! LW303: an `except` that takes a cancellation and does not pass it on.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::finding::Tier;
use crate::program::Place;
use crate::rules::Rule;
use crate::summary::{Expr, ExprId, Handler, HandlerEnd, ScopeKind, Span, Summary, With};

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
    summary: &Summary,
) -> Option<Draft> {
    if handler.cancellation_is_handled
        || is_shielded(checkup, place, handler.guarded)
        || awaits_what_it_cancelled(checkup, place, handler)
    {
        return None;
    }
    let names: Vec<&str> =
        handler.exceptions.iter().filter_map(|it| summary.last_name(*it)).collect();
    let is_by_name = names.contains(&"CancelledError");
    if is_by_name && handler.end == HandlerEnd::Decides {
        return None;
    }
    let how = if handler.exceptions.is_empty() {
        "a bare `except:`"
    } else if names.contains(&"BaseException") {
        "`except BaseException`"
    } else if is_by_name && is_endless(handler, summary) {
        "`except CancelledError` in an endless loop"
    } else if is_by_name && !cancels(checkup, place) {
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

/// Whether all that is guarded is the wait for tasks, one of which the function has cancelled
/// before: it is their cancellation that is taken.
fn awaits_what_it_cancelled(checkup: &Checkup<'_>, place: Place, handler: &Handler) -> bool {
    let summary = checkup.program.summary(place.file);
    let guarded = handler.guarded;
    let awaited = summary.nodes.iter().filter_map(|node| match node.expr {
        Expr::Await(inner) if guarded.contains(node.span.start) => Some(inner),
        _ => None,
    });
    let awaited: Vec<ExprId> = awaited.collect();
    let has_cancelled = checkup.program.calls(place).any(|call| {
        summary.node(call.expr).span.start < guarded.end
            && checkup.called_name(place, call) == Some("cancel")
    });
    // `async with` and `async for` await, too.
    has_cancelled
        && awaited.len() == handler.guarded_awaits as usize
        && awaited.into_iter().all(|it| is_task(summary, it))
}

/// A task, or several of them, by their names.
fn is_task(summary: &Summary, awaited: ExprId) -> bool {
    match summary.expr(awaited) {
        Expr::Name(_) | Expr::Attribute(..) | Expr::Subscript(..) => true,
        Expr::Starred(inner) => is_task(summary, *inner),
        Expr::Call { function, arguments } => {
            matches!(summary.last_name(*function), Some("gather" | "wait" | "wait_for" | "shield"))
                && arguments
                    .iter()
                    .filter(|it| it.keyword.is_none())
                    .take(1)
                    .all(|it| is_task(summary, it.value))
        }
        _ => false,
    }
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
