//! LW001: calls on the way of an event loop that could not be followed, and what would tell.
//!
//! Only for those who ask for it: silence is the right answer to a name without a meaning, but it
//! is none. All calls that fail for the same reason are one finding, since one annotation mends
//! them all.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::program::Place;
use crate::resolve::Value;
use crate::rules::Rule;
use crate::summary::{Call, Expr, ExprId, LoopKind, Span, Use};

mod cause;
mod quiet;

use cause::Cause;

/// A call that could not be followed.
#[derive(Debug, Clone, Copy)]
struct Lost {
    place: Place,
    span: Span,
    expr: ExprId,
    function: ExprId,
}

pub(crate) fn check(checkup: &mut Checkup<'_>) {
    for (cause, mut calls) in by_cause(checkup) {
        let all = calls.len();
        calls.retain(|it| !checkup.answers(Rule::Lw001, it.place, it.span));
        checkup.answered += all - calls.len();
        calls.sort_by_key(|it| (it.place.file, it.span.start));
        let draft = draft(checkup, &cause, &calls);
        checkup.extend(draft);
    }
}

/// Why calls could not be followed, in words, by the place and the expression of each.
pub(super) fn by_call(checkup: &Checkup<'_>) -> FxHashMap<(Place, ExprId), String> {
    let mut found = FxHashMap::default();
    for (cause, calls) in by_cause(checkup) {
        for lost in calls {
            let called = written(checkup, lost);
            if let Some(told) = told(checkup, &cause, &called) {
                found.insert((lost.place, lost.expr), told.why);
            }
        }
    }
    found
}

fn by_cause(checkup: &Checkup<'_>) -> BTreeMap<Cause, Vec<Lost>> {
    let mut by_cause: BTreeMap<Cause, Vec<Lost>> = BTreeMap::new();
    let followed: FxHashSet<(Place, ExprId)> = {
        let edges = checkup.graph.edges.iter().map(|it| (it.caller, it.expr));
        edges.chain(checkup.graph.sites.iter().map(|it| (it.place, it.expr))).collect()
    };
    let mut places: Vec<Place> = checkup.graph.on_loop.iter().copied().collect();
    places.retain(|place| checkup.is_wanted(place.file));
    places.sort_unstable();
    for place in places {
        let started = started_later(checkup, place);
        for call in checkup.program.calls(place) {
            let is_of_interest = !call.is_guarded
                && !matches!(call.used, Use::Awaited | Use::Asked)
                && !started.contains(&call.expr)
                && !followed.contains(&(place, call.expr));
            if is_of_interest && let Some((cause, lost)) = lost(checkup, place, call) {
                by_cause.entry(cause).or_default().push(lost);
            }
        }
    }
    by_cause
}

fn lost(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<(Cause, Lost)> {
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, .. } = summary.expr(call.expr) else { return None };
    let values = checkup.values(place, *function);
    if values.iter().any(|value| !matches!(value, Value::Parameter(..))) {
        return None;
    }
    let cause = checkup.why_uncalled(place, *function)?;
    Some((
        cause,
        Lost { place, span: summary.node(call.expr).span, expr: call.expr, function: *function },
    ))
}

/// Calls that make coroutines and asynchronous contexts: what they start is awaited elsewhere.
fn started_later(checkup: &Checkup<'_>, place: Place) -> FxHashSet<ExprId> {
    let summary = checkup.program.summary(place.file);
    let mut found = FxHashSet::default();
    for with in checkup.program.withs(place).filter(|it| it.is_async) {
        found.extend(with.contexts.iter().copied());
    }
    let loops = checkup.program.loops(place).filter(|it| it.kind == LoopKind::AsyncFor);
    found.extend(loops.map(|it| it.subject));
    for call in checkup.program.calls(place) {
        let Expr::Call { function, arguments } = summary.expr(call.expr) else { continue };
        if summary.last_name(*function).is_some_and(quiet::takes_coroutine) {
            for argument in arguments {
                found.extend(parts(checkup, place, argument.value));
            }
        }
    }
    found
}

/// The calls that an argument may be: itself, or the elements that it unpacks.
fn parts(checkup: &Checkup<'_>, place: Place, argument: ExprId) -> Vec<ExprId> {
    let summary = checkup.program.summary(place.file);
    match summary.expr(argument) {
        Expr::Starred(inner) => parts(checkup, place, *inner),
        Expr::Comprehension { element, .. } => vec![*element],
        Expr::Sequence(elements) => elements.to_vec(),
        _ => vec![argument],
    }
}

fn draft(checkup: &Checkup<'_>, cause: &Cause, calls: &[Lost]) -> Option<Draft> {
    let (first, others) = calls.split_first()?;
    let called = written(checkup, *first);
    let Told { why, suggestion, identity } = told(checkup, cause, &called)?;
    let more = match others.len() {
        0 => String::new(),
        1 => "; 1 more call depends on it".to_owned(),
        count => format!("; {count} more calls depend on it"),
    };
    let message = format!("`{called}` cannot be followed: {why}{more}");
    let mut draft = Draft::new(Rule::Lw001, first.place, first.span, message).suggest(suggestion);
    draft.way = checkup.reach.way(first.place).into_iter().copied().collect();
    let entries = calls.iter().flat_map(|it| checkup.reach.entries_of(it.place).to_vec());
    draft.entry_points = entries.collect::<FxHashSet<_>>().len();
    draft.call = Some(called);
    draft.others = others.iter().map(|it| (it.place.file, it.span)).collect();
    draft.identity = Some(identity);
    Some(draft)
}

/// A cause in words.
struct Told {
    why: String,
    suggestion: String,
    /// What stays the same when lines move.
    identity: String,
}

fn told(checkup: &Checkup<'_>, cause: &Cause, called: &str) -> Option<Told> {
    let program = checkup.program;
    let parameter = |function: Place, index: u32| {
        let parameter = program.scope(function)?.parameters.get(index as usize)?;
        Some(program.summary(function.file).text(parameter.name))
    };
    Some(match cause {
        Cause::Parameter(function, index) => {
            let (name, owner) = (parameter(*function, *index)?, short_name(checkup, *function));
            Told {
                why: format!("nothing says what the parameter `{name}` of `{owner}` is"),
                suggestion: format!("annotate it with its class: `{name}: …`"),
                identity: format!("parameter {} {name}", program.qualified_name(*function)),
            }
        }
        Cause::Callable(function, index) => {
            let (name, owner) = (parameter(*function, *index)?, short_name(checkup, *function));
            Told {
                why: format!("no call says which function `{owner}` is given as `{name}`"),
                suggestion: format!(
                    "pass a function by its name where `{owner}` is called, or run `{name}` in a thread"
                ),
                identity: format!("callable {} {name}", program.qualified_name(*function)),
            }
        }
        Cause::Attribute(class, name) => {
            let owner = program.summary(class.file).text(program.scope(*class)?.name);
            Told {
                why: format!("nothing says what the attribute `{name}` of `{owner}` is"),
                suggestion: format!("annotate it in the class: `{name}: …`"),
                identity: format!("attribute {} {name}", program.qualified_name(*class)),
            }
        }
        Cause::Result(function) => Told {
            why: format!("nothing says what `{}` returns", short_name(checkup, *function)),
            suggestion: "annotate what it returns with a class: `-> …`".to_owned(),
            identity: format!("result {}", program.qualified_name(*function)),
        },
        Cause::Library(root) => Told {
            why: format!("nothing is known of the library `{root}`"),
            suggestion: format!(
                "say in a file of `knowledge` which functions of `{root}` block; `--learn` writes one from measurements"
            ),
            identity: format!("library {root}"),
        },
        Cause::Dynamic(place) => Told {
            why: "what it calls is only known at run time".to_owned(),
            suggestion: "call the function by its name, or put what is looked up into a variable \
                         that is annotated with a class"
                .to_owned(),
            identity: format!("dynamic {} {called}", program.qualified_name(*place)),
        },
    })
}

/// What is called, as it is written, with what is too long left out.
fn written(checkup: &Checkup<'_>, lost: Lost) -> String {
    let summary = checkup.program.summary(lost.place.file);
    if let Some(name) = summary.dotted(lost.function) {
        return name;
    }
    match summary.expr(lost.function) {
        Expr::Attribute(object, name) => {
            let object = match summary.expr(*object) {
                Expr::Call { function, .. } => summary.dotted(*function).map(|it| it + "(…)"),
                Expr::Subscript(value, _) => summary.dotted(*value).map(|it| it + "[…]"),
                _ => None,
            };
            format!("{}.{}", object.as_deref().unwrap_or("…"), summary.text(*name))
        }
        Expr::Subscript(value, _) => {
            format!("{}[…]", summary.dotted(*value).as_deref().unwrap_or("…"))
        }
        Expr::Call { function, .. } => {
            format!("{}(…)", summary.dotted(*function).as_deref().unwrap_or("…"))
        }
        _ => "…".to_owned(),
    }
}
