//! LW202: a loop in an async function that computes for long and never lets the event loop turn.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::finding::Tier;
use crate::program::{FileId, Place};
use crate::rules::Rule;
use crate::summary::{Expr, ExprId, Loop, LoopKind, Meaning, ScopeId, Summary};

/// So many turns take tens of milliseconds, whatever they do.
const TURNS_LONG: u64 = 100_000;
/// So many take seconds.
const TURNS_ENDLESS: u64 = 10_000_000;

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for it in &source.summary.loops {
            let place = Place { file, scope: it.scope };
            let is_on_loop = checkup.is_async(place) || checkup.graph.is_on_loop(place);
            if is_on_loop && it.facts.awaits == 0 {
                drafts.extend(hot(checkup, place, it, &source.summary));
            }
        }
    }
    checkup.extend(drafts);
}

fn hot(checkup: &Checkup<'_>, place: Place, it: &Loop, summary: &Summary) -> Option<Draft> {
    let file = place.file;
    let function = short_name(checkup, place);
    let (message, tier) = match it.kind {
        LoopKind::While if it.facts.is_endless && it.facts.exits == 0 => {
            if !checkup.is_async(place) {
                return None;
            }
            let text = format!(
                "`while True` without an `await` in `{function}` never lets the event loop turn"
            );
            (text, Tier::Error)
        }
        LoopKind::For | LoopKind::Comprehension => {
            let Some(turns) = turns(checkup, file, it) else {
                return square(checkup, place, it, summary);
            };
            if turns < TURNS_LONG || it.facts.exits > 0 {
                return None;
            }
            // The innermost loop tells the whole number of turns; the outer ones repeat it.
            let is_outer = summary.loops.iter().any(|inner| {
                let parent = inner.parent.and_then(|id| summary.loop_at(id));
                parent.is_some_and(|parent| parent.span == it.span)
                    && self::turns(checkup, file, inner).is_some()
            });
            if is_outer && own_turns(checkup, file, it)? < TURNS_LONG {
                return None;
            }
            let tier = if turns >= TURNS_ENDLESS { Tier::Error } else { Tier::Warning };
            (
                format!(
                    "{turns} turns without an `await` in `{function}` keep the event loop from turning"
                ),
                tier,
            )
        }
        LoopKind::While | LoopKind::AsyncFor => return None,
    };
    let mut draft = Draft::new(Rule::Lw202, place, it.head, message)
        .suggest("move the loop into a function that runs in a process, or await now and then (`await asyncio.sleep(0)`)");
    draft.tier = tier;
    let way: Vec<_> = checkup.reach.way(place).into_iter().copied().collect();
    draft.entry_points = checkup.reach.entries_of(place).len();
    draft.way = way;
    Some(draft)
}

/// How often the body runs, with all loops around it; nothing when one of them is unknown.
fn turns(checkup: &Checkup<'_>, file: FileId, it: &Loop) -> Option<u64> {
    let summary = checkup.program.summary(file);
    let mut all = own_turns(checkup, file, it)?;
    let mut outer = it.parent.and_then(|id| summary.loop_at(id));
    while let Some(around) = outer {
        if around.facts.awaits > 0 {
            break;
        }
        all = all.saturating_mul(own_turns(checkup, file, around).unwrap_or(1));
        outer = around.parent.and_then(|id| summary.loop_at(id));
    }
    Some(all)
}

/// `range(N)` with literals.
fn own_turns(checkup: &Checkup<'_>, file: FileId, it: &Loop) -> Option<u64> {
    let summary = checkup.program.summary(file);
    let Expr::Call { function, arguments } = summary.expr(it.subject) else { return None };
    if summary.last_name(*function) != Some("range") {
        return None;
    }
    let numbers: Vec<u64> =
        arguments.iter().map_while(|argument| number(checkup, file, argument.value)).collect();
    match (numbers.as_slice(), arguments.len()) {
        ([end], 1) => Some(*end),
        ([start, end], 2) => Some(end.saturating_sub(*start)),
        ([start, end, step], 3) => end.saturating_sub(*start).checked_div(*step),
        _ => None,
    }
}

/// A literal number, or the name of one in the same module.
fn number(checkup: &Checkup<'_>, file: FileId, expr: ExprId) -> Option<u64> {
    let summary = checkup.program.summary(file);
    match summary.expr(expr) {
        Expr::Literal(name) => summary.text(*name).parse().ok(),
        Expr::Name(name) => {
            let module = Place { file, scope: ScopeId::MODULE };
            let bindings = checkup.program.bindings(module, *name);
            let [only] = bindings.as_slice() else { return None };
            match &only.meaning {
                Meaning::Value { value: Some(value), .. } => summary.literal(*value)?.parse().ok(),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A loop over unknown data in a loop over unknown data: the turns are the product of both.
fn square(checkup: &Checkup<'_>, place: Place, it: &Loop, summary: &Summary) -> Option<Draft> {
    if !checkup.is_async(place) || it.kind != LoopKind::For || it.parent.is_some() {
        return None;
    }
    let is_product = summary.loops.iter().any(|inner| {
        let is_inside = inner
            .parent
            .and_then(|id| summary.loop_at(id))
            .is_some_and(|parent| parent.span == it.span);
        is_inside && inner.kind == LoopKind::For && is_unknown_size(summary, inner, it)
    });
    if !is_product || !is_unknown_size(summary, it, it) || it.facts.exits > 0 {
        return None;
    }
    let function = short_name(checkup, place);
    let message = format!(
        "a loop in a loop without an `await` in `{function}`: it grows with the square of the data"
    );
    let mut draft = Draft::new(Rule::Lw202, place, it.head, message)
        .suggest("move it into a function that runs in a process when the data may be large");
    draft.tier = Tier::Hint;
    Some(draft)
}

/// Data of the caller, or a range of it; what hangs on an element of the outer loop is its part.
fn is_unknown_size(summary: &Summary, it: &Loop, outer: &Loop) -> bool {
    match summary.expr(it.subject) {
        Expr::Name(name) => {
            !outer.targets.contains(name) && summary.text(*name).chars().any(char::is_lowercase)
        }
        Expr::Call { function, arguments } => {
            summary.last_name(*function) == Some("range")
                && arguments.iter().any(|argument| {
                    matches!(summary.expr(argument.value), Expr::Name(name)
                        if !outer.targets.contains(name)
                            && summary.text(*name).chars().any(char::is_lowercase))
                })
        }
        _ => false,
    }
}
