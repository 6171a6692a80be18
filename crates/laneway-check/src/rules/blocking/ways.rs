//! Which way to a blocking call is shown: the shortest one that can be taken. What a call gives to
//! a function decides which of its branches are taken, and which class stands behind a parameter.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::guess;
use crate::graph::{Conditions, Constant, Edge, Given, Site, given};
use crate::program::Place;
use crate::resolve::{Spot, Value};
use crate::rules::Checkup;
use crate::summary::{BranchId, Expr, ExprId, Meaning};

/// How many expressions an object is followed through.
const STEPS_MAX: u8 = 12;
/// How many ways are looked at before the shortest one is believed.
const WAYS_MAX: usize = 1_000;

/// A way to a call.
pub(super) struct Way {
    pub(super) edges: Vec<Edge>,
    /// What stands behind a base class on it is of another class by all that the code says.
    pub(super) is_of_others: bool,
}

/// The way that is shown; `None` where none can be taken.
pub(super) fn way(checkup: &Checkup<'_>, site: &Site) -> Option<Way> {
    let edges: Vec<Edge> = checkup.reach.way(site.place).into_iter().copied().collect();
    if can_be_taken(checkup, &edges, site) {
        return Some(Way { edges, is_of_others: false });
    }
    let found = another(checkup, site);
    if let Ok(Some(edges)) = found {
        return Some(Way { edges, is_of_others: false });
    }
    // Who is handed a function may call it with what takes the branch.
    let is_unseen = |edge: &Edge| checkup.resolver.is_called_unseen(edge.callee);
    let is_vague = found.is_err() || edges.iter().any(is_unseen);
    let is_of_others = !is_vague && takes_branches(checkup, &edges, site);
    (is_vague || is_of_others).then_some(Way { edges, is_of_others })
}

/// There are too many ways to look at them all.
struct TooMany;

/// The shortest way that can be taken, found from its end.
fn another(checkup: &Checkup<'_>, site: &Site) -> Result<Option<Vec<Edge>>, TooMany> {
    let mut open = VecDeque::from([Vec::new()]);
    let mut seen = FxHashSet::default();
    let mut of_example = None;
    while let Some(way) = open.pop_front() {
        let from = way.first().map_or(site.place, |edge: &Edge| edge.caller);
        if checkup.reach.is_entry(from) {
            if !checkup.program.is_example(from.file) {
                return Ok(Some(way));
            }
            of_example.get_or_insert(way);
            continue;
        }
        let next = way.first().map_or(site.expr, |edge| edge.expr);
        for edge in checkup.reach.calls_of(from) {
            // What rules out one call behind it may take another one.
            if !seen.insert((edge.caller, edge.callee, edge.expr, next)) {
                continue;
            }
            if seen.len() > WAYS_MAX {
                return Err(TooMany);
            }
            let longer: Vec<Edge> = std::iter::once(**edge).chain(way.iter().copied()).collect();
            if can_be_taken(checkup, &longer, site) {
                open.push_back(longer);
            }
        }
    }
    Ok(of_example)
}

/// Whether nothing on a way rules out a call that comes later on it.
fn can_be_taken(checkup: &Checkup<'_>, way: &[Edge], site: &Site) -> bool {
    let mut edges = way.iter().enumerate();
    edges.all(|(at, edge)| may_be_meant(checkup, way.get(..at).unwrap_or_default(), edge))
        && takes_branches(checkup, way, site)
}

/// Whether all calls of a way stand in branches that what comes before takes.
fn takes_branches(checkup: &Checkup<'_>, way: &[Edge], site: &Site) -> bool {
    let calls = way.iter().map(|edge| (edge.caller, edge.expr));
    let mut calls = calls.chain([(site.place, site.expr)]).enumerate();
    calls.all(|(at, (place, expr))| {
        let before = way.get(..at).unwrap_or_default();
        takes_branch(checkup, before, (place, branch_of(checkup, place, expr)))
    })
}

fn branch_of(checkup: &Checkup<'_>, place: Place, expr: ExprId) -> Option<BranchId> {
    checkup.program.calls(place).find(|call| call.expr == expr)?.branch
}

fn takes_branch(
    checkup: &Checkup<'_>,
    before: &[Edge],
    (place, branch): (Place, Option<BranchId>),
) -> bool {
    // Nobody knows what the first function is given.
    if branch.is_none() || before.is_empty() {
        return true;
    }
    let conditions = Conditions::new(checkup.resolver);
    let value = |index| value(checkup, conditions, before, index);
    let mut waits = Vec::new();
    conditions.is_taken((place, branch), &value, &mut waits) && waits.is_empty()
}

/// What the last call of a way gives to a parameter, if the code says it.
fn value<'a>(
    checkup: &Checkup<'a>,
    conditions: Conditions<'a>,
    way: &[Edge],
    index: u32,
) -> Option<Constant<'a>> {
    let (last, before) = way.split_last()?;
    let expr = match given_by(checkup, last, index)? {
        Given::Unknown => return None,
        Given::Default => return conditions.default(last.callee, index),
        Given::Value(expr) => expr,
    };
    match checkup.program.summary(last.caller.file).expr(expr) {
        Expr::Name(name) => {
            let outer = conditions.parameter(last.caller, *name)?;
            value(checkup, conditions, before, outer)
        }
        _ => conditions.known(last.caller, expr),
    }
}

fn given_by(checkup: &Checkup<'_>, edge: &Edge, index: u32) -> Option<Given> {
    let is_as_written = !checkup.graph.open.contains(&edge.callee)
        && checkup.resolver.is_called_as_written(edge.callee);
    let values = is_as_written.then(|| given(checkup.resolver, *edge))?;
    values.get(index as usize).copied()
}

/// Whether the object may be of the class of a method that stands in for one without a body.
fn may_be_meant(checkup: &Checkup<'_>, before: &[Edge], edge: &Edge) -> bool {
    let Some(class) = checkup.program.class_of(edge.callee) else { return true };
    let summary = checkup.program.summary(edge.caller.file);
    let Expr::Call { function, .. } = summary.expr(edge.expr) else { return true };
    let Expr::Attribute(object, _) = summary.expr(*function) else { return true };
    if !guess::is_choice(checkup, edge) {
        return true;
    }
    let objects = objects(checkup, before, Spot { place: edge.caller, expr: *object }, STEPS_MAX);
    !guess::is_of_others(checkup, &objects, class)
}

/// What an expression means where it is evaluated on a way: parameters are what the way gives them.
fn objects(checkup: &Checkup<'_>, before: &[Edge], spot: Spot, steps: u8) -> Vec<Value> {
    let Spot { place, expr } = spot;
    let anything = || checkup.values(place, expr).to_vec();
    let Some(steps) = steps.checked_sub(1) else { return anything() };
    match checkup.program.summary(place.file).expr(expr) {
        Expr::Name(name) => match checkup.program.bindings(place, *name).as_slice() {
            [only] => match only.meaning {
                Meaning::Parameter(index) => passed(checkup, before, index)
                    .map_or_else(anything, |(spot, before)| objects(checkup, before, spot, steps)),
                Meaning::Value { value: Some(value), annotation: None } => {
                    objects(checkup, before, Spot { place, expr: value }, steps)
                }
                _ => anything(),
            },
            _ => anything(),
        },
        Expr::Call { function, .. } => {
            made(checkup, before, (place, *function), steps).unwrap_or_else(anything)
        }
        _ => anything(),
    }
}

/// The expression that a way gives to a parameter of its last function, and the way to it.
fn passed<'w>(checkup: &Checkup<'_>, before: &'w [Edge], index: u32) -> Option<(Spot, &'w [Edge])> {
    let (last, before) = before.split_last()?;
    match given_by(checkup, last, index)? {
        Given::Value(expr) => Some((Spot { place: last.caller, expr }, before)),
        _ => None,
    }
}

/// What a method of an object gives that the way knows better than its function.
fn made(
    checkup: &Checkup<'_>,
    before: &[Edge],
    (place, function): (Place, ExprId),
    steps: u8,
) -> Option<Vec<Value>> {
    let summary = checkup.program.summary(place.file);
    let Expr::Attribute(object, method) = summary.expr(function) else { return None };
    let objects = objects(checkup, before, Spot { place, expr: *object }, steps);
    let mut found = Vec::new();
    for object in &objects {
        let Value::Instance(_) = object else { return None };
        let mut methods = Vec::new();
        checkup.resolver.attribute(*object, summary.text(*method), &mut methods);
        for method in methods {
            checkup.resolver.result(method, &mut found);
        }
    }
    (!found.is_empty()).then_some(found)
}
