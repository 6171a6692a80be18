//! Calls that would wait, and cannot: what they wait for is there already, by the code around them.

use crate::graph::{Callee, Site};
use crate::knowledge::Entry;
use crate::rules::Checkup;
use crate::summary::{Condition, Expr, Meaning, Summary, With};

/// Whether the code around a call shows that it does not wait.
pub(super) fn cannot_wait(checkup: &Checkup<'_>, site: &Site, entry: &Entry) -> bool {
    let Callee::Named(node) = site.callee else { return false };
    let path = checkup.resolver.knowledge.path(node);
    if path.starts_with("socket.") || path.starts_with("ssl.") {
        return without_waiting(checkup, site);
    }
    if entry.names.iter().any(|it| it.contains("acquire")) && path.ends_with(".acquire") {
        return is_just_made(checkup, site);
    }
    path.ends_with("Executor.__exit__") && nothing_is_left(checkup, site)
}

/// Somebody takes the `BlockingIOError`, which only a socket without waiting raises.
fn without_waiting(checkup: &Checkup<'_>, site: &Site) -> bool {
    let summary = checkup.program.summary(site.place.file);
    let call = checkup.program.calls(site.place).find(|call| call.expr == site.expr);
    call.is_some_and(|call| {
        summary.conditions(call.branch).any(|it| it == Condition::WithoutWaiting)
    })
}

/// The receiver of a method that is called by a plain name, such as `lock`.
fn receiver(summary: &Summary, site: &Site) -> Option<crate::summary::Name> {
    let Expr::Call { function, .. } = summary.expr(site.expr) else { return None };
    let Expr::Attribute(object, _) = summary.expr(*function) else { return None };
    match summary.expr(*object) {
        Expr::Name(name) => Some(*name),
        _ => None,
    }
}

/// A lock that the function has made itself is free the first time.
fn is_just_made(checkup: &Checkup<'_>, site: &Site) -> bool {
    let summary = checkup.program.summary(site.place.file);
    let Some(name) = receiver(summary, site) else { return false };
    let bindings = checkup.program.bindings(site.place, name);
    let [only] = bindings.as_slice() else { return false };
    let at = summary.node(site.expr).span.start;
    let is_made = matches!(only.meaning, Meaning::Value { value: Some(value), .. }
        if matches!(summary.expr(value), Expr::Call { .. }));
    let is_inside = checkup
        .program
        .loops(site.place)
        .any(|it| it.span.contains(at) && !it.span.contains(only.at));
    let earlier = checkup.program.calls(site.place).any(|call| {
        let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
        let Expr::Attribute(object, method) = summary.expr(*function) else { return false };
        *summary.expr(*object) == Expr::Name(name)
            && summary.text(*method) == "acquire"
            && summary.node(call.expr).span.start < at
    });
    is_made && only.at <= at && !is_inside && !earlier
}

/// A pool is left when all its work was awaited: nothing was handed to it past the loop.
fn nothing_is_left(checkup: &Checkup<'_>, site: &Site) -> bool {
    let summary = checkup.program.summary(site.place.file);
    let has = |with: &&With| with.contexts.contains(&site.expr);
    let Some(with) = checkup.program.withs(site.place).find(has) else { return false };
    let is_handed_past = checkup.program.calls(site.place).any(|call| {
        let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
        with.span.contains(summary.node(call.expr).span.start)
            && matches!(summary.last_name(*function), Some("submit" | "map" | "create_task"))
    });
    let awaits_pool = checkup.program.calls(site.place).any(|call| {
        with.span.contains(summary.node(call.expr).span.start)
            && call.used.is_asynchronous()
            && checkup.called_name(site.place, call) == Some("run_in_executor")
    });
    with.awaits > 0 && awaits_pool && !is_handed_past
}
