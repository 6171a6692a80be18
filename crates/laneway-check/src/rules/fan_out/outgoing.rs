//! What a fan-out does to others: a hundred requests at once meet a limit, a hundred objects of the
//! same process do not.

use crate::finding::Tier;
use crate::program::Place;
use crate::resolve::Value;
use crate::rules::{Checkup, Draft};
use crate::summary::{Call, Expr, ExprId, Meaning, Span};

/// Parts of the names of functions and data that go out to a network.
const WORDS: &[&str] = &[
    "fetch",
    "request",
    "download",
    "upload",
    "crawl",
    "scrape",
    "http",
    "url",
    "api",
    "embed",
    "complet",
    "generate",
    "query",
    "search",
    "llm",
    "translate",
    "publish",
    "invoke",
    "page",
];
/// Objects by which something goes out, and what is called on them.
const CLIENTS: &[&str] = &["session", "client", "http", "conn", "database", "db", "redis"];
const METHODS: &[&str] = &[
    "get", "post", "put", "patch", "delete", "head", "request", "create", "execute", "send", "set",
];
/// What has a pool of threads run a function: it is bounded by the pool.
const POOLS: &[&str] = &["to_thread", "run_in_executor", "run_in_threadpool", "run_sync"];

/// How deep functions are looked into.
const STEPS_MAX: u8 = 3;

/// A fan-out that is not known to go out is a hint.
pub(super) fn weighed(checkup: &Checkup<'_>, place: Place, call: &Call, mut draft: Draft) -> Draft {
    let summary = checkup.program.summary(place.file);
    let mut spans = vec![summary.node(call.expr).span];
    if let Expr::Call { arguments, .. } = summary.expr(call.expr) {
        spans.extend(arguments.iter().filter_map(|it| bound(checkup, place, it.value)));
    }
    if let Some(around) = call.inside.and_then(|at| summary.loop_at(at)) {
        spans.push(summary.node(around.subject).span);
    }
    let goes_out = spans.iter().any(|span| {
        names_inside(checkup, place, *span).any(is_outgoing)
            || calls_inside(checkup, place, *span).any(|it| goes_out(checkup, place, it, STEPS_MAX))
    });
    if !goes_out {
        draft.tier = Tier::Hint;
    }
    draft
}

/// Where the value of a local name was made.
fn bound(checkup: &Checkup<'_>, place: Place, argument: ExprId) -> Option<Span> {
    let summary = checkup.program.summary(place.file);
    let inner = match summary.expr(argument) {
        Expr::Starred(inner) => *inner,
        _ => argument,
    };
    let Expr::Name(name) = summary.expr(inner) else { return None };
    checkup.program.bindings(place, *name).iter().find_map(|it| match it.meaning {
        Meaning::Value { value: Some(value), .. } => Some(summary.node(value).span),
        _ => None,
    })
}

fn is_outgoing(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

fn names_inside<'c>(
    checkup: &'c Checkup<'_>,
    place: Place,
    span: Span,
) -> impl Iterator<Item = &'c str> {
    let summary = checkup.program.summary(place.file);
    let inside = checkup.program.nodes_within(place.file, span);
    inside.filter_map(|node| match &node.expr {
        Expr::Name(name) | Expr::Attribute(_, name) => Some(summary.text(*name)),
        _ => None,
    })
}

fn calls_inside<'c>(
    checkup: &'c Checkup<'_>,
    place: Place,
    span: Span,
) -> impl Iterator<Item = &'c Call> {
    let summary = checkup.program.summary(place.file);
    checkup.program.calls(place).filter(move |call| {
        let own = summary.node(call.expr).span;
        span.start <= own.start && own.end <= span.end
    })
}

/// Whether a call sends something out, itself or in the functions that it calls.
fn goes_out(checkup: &Checkup<'_>, place: Place, call: &Call, steps: u8) -> bool {
    let Some(steps) = steps.checked_sub(1) else { return false };
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
    let name = summary.last_name(*function).unwrap_or("");
    let is_of_client = || {
        let Expr::Attribute(object, _) = summary.expr(*function) else { return false };
        let owner = summary.last_name(*object).unwrap_or("").to_ascii_lowercase();
        METHODS.contains(&name) && CLIENTS.iter().any(|it| owner.contains(it))
    };
    if is_outgoing(name) || is_of_client() {
        return true;
    }
    checkup.values(place, *function).iter().any(|value| match value {
        Value::Function(callee) | Value::Method(callee) => {
            checkup.program.calls(*callee).any(|it| goes_out(checkup, *callee, it, steps))
        }
        _ => false,
    })
}

/// Whether all that a coroutine awaits is a thread of a pool, which has few.
pub(super) fn is_pooled(checkup: &Checkup<'_>, function: Place) -> bool {
    let Some(scope) = checkup.program.scope(function) else { return false };
    let pooled = checkup.program.calls(function).filter(|call| {
        call.used == crate::summary::Use::Awaited
            && checkup.called_name(function, call).is_some_and(|name| POOLS.contains(&name))
    });
    let pooled = u32::try_from(pooled.count()).unwrap_or(0);
    pooled > 0 && pooled == scope.facts.awaits
}
