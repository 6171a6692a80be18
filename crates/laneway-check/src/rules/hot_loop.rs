//! LW202: a loop in an async function that computes for long and never lets the event loop turn.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::finding::Tier;
use crate::program::Place;
use crate::rules::Rule;
use crate::summary::{Expr, Loop, LoopKind, Summary};

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
    drafts.into_iter().for_each(|draft| checkup.add(draft));
}

fn hot(checkup: &Checkup<'_>, place: Place, it: &Loop, summary: &Summary) -> Option<Draft> {
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
            let turns = turns(it, summary)?;
            // The innermost loop tells the whole number of turns; the outer ones repeat it.
            let is_outer = summary.loops.iter().any(|inner| {
                inner.parent.is_some_and(|id| {
                    summary.loop_at(id).is_some_and(|parent| parent.span == it.span)
                }) && self::turns(inner, summary).is_some()
            });
            if turns < TURNS_LONG || is_outer && own_turns(it, summary)? < TURNS_LONG {
                return None;
            }
            if it.facts.exits > 0 {
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
fn turns(it: &Loop, summary: &Summary) -> Option<u64> {
    let mut all = own_turns(it, summary)?;
    let mut outer = it.parent.and_then(|id| summary.loop_at(id));
    while let Some(around) = outer {
        if around.facts.awaits > 0 {
            break;
        }
        all = all.saturating_mul(own_turns(around, summary).unwrap_or(1));
        outer = around.parent.and_then(|id| summary.loop_at(id));
    }
    Some(all)
}

/// `range(N)` with literals.
fn own_turns(it: &Loop, summary: &Summary) -> Option<u64> {
    let Expr::Call { function, arguments } = summary.expr(it.subject) else { return None };
    if summary.last_name(*function) != Some("range") {
        return None;
    }
    let numbers: Vec<u64> = arguments.iter().map_while(|it| number(summary, it.value)).collect();
    match (numbers.as_slice(), arguments.len()) {
        ([end], 1) => Some(*end),
        ([start, end], 2) => Some(end.saturating_sub(*start)),
        ([start, end, step], 3) => end.saturating_sub(*start).checked_div(*step),
        _ => None,
    }
}

/// A literal number, or a product or power of such.
fn number(summary: &Summary, expr: crate::summary::ExprId) -> Option<u64> {
    match summary.expr(expr) {
        Expr::Literal(name) => summary.text(*name).parse().ok(),
        _ => None,
    }
}
