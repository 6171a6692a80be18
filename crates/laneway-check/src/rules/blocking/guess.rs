//! Ways through a base class: which of its classes are meant, as far as the code tells.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::graph::{Edge, Given, given};
use crate::program::Place;
use crate::resolve::{MEANINGS_MAX, Value};
use crate::rules::Checkup;
use crate::summary::{Expr, ExprId, Meaning};

/// Through how many functions a parameter is followed that hand it on.
const HANDED_ON_MAX: u8 = 4;

/// Whether one of several classes stands behind a base, and no code on a loop makes objects of it.
pub(super) fn is_guess(checkup: &Checkup<'_>, edge: &Edge) -> bool {
    let graph = checkup.graph;
    let class = checkup.program.class_of(edge.callee);
    is_choice(checkup, edge) && class.is_none_or(|class| !graph.constructed.contains(&class))
}

pub(super) fn is_choice(checkup: &Checkup<'_>, edge: &Edge) -> bool {
    checkup.graph.guesses.contains(&(edge.caller, edge.callee, edge.expr))
}

/// Whether the object is a parameter, and all calls of the function give it objects of other
/// classes than the one that is called here.
pub(super) fn is_elsewhere(checkup: &Checkup<'_>, edge: &Edge) -> bool {
    is_choice(checkup, edge) && passes_others(checkup, edge).unwrap_or(false)
}

fn passes_others(checkup: &Checkup<'_>, edge: &Edge) -> Option<bool> {
    let program = checkup.program;
    let class = program.class_of(edge.callee)?;
    let summary = program.summary(edge.caller.file);
    let Expr::Call { function, .. } = summary.expr(edge.expr) else { return None };
    let Expr::Attribute(object, _) = summary.expr(*function) else { return None };
    let index = parameter(checkup, edge.caller, *object)?;
    gets_others(checkup, edge.caller, index, (class, HANDED_ON_MAX))
}

/// Answers for a parameter of a function, a class, and how many steps were left.
pub(crate) type Elsewhere = RefCell<FxHashMap<(Place, u32, Place, u8), Option<bool>>>;

/// Whether a parameter gets objects of other classes only; what another parameter hands on is
/// asked for in turn.
fn gets_others(
    checkup: &Checkup<'_>,
    function: Place,
    index: u32,
    (class, steps): (Place, u8),
) -> Option<bool> {
    let key = (function, index, class, steps);
    if let Some(known) = checkup.elsewhere.borrow().get(&key) {
        return *known;
    }
    let answer = asks_calls(checkup, function, index, (class, steps));
    checkup.elsewhere.borrow_mut().insert(key, answer);
    answer
}

fn asks_calls(
    checkup: &Checkup<'_>,
    function: Place,
    index: u32,
    (class, steps): (Place, u8),
) -> Option<bool> {
    let steps = steps.checked_sub(1)?;
    if checkup.resolver.is_called_unseen(function) {
        return None;
    }
    let calls = checkup.reach.calls_of(function);
    for call in calls {
        let values = given(checkup.resolver, **call);
        let Given::Value(value) = *values.get(index as usize)? else { return None };
        if let Some(outer) = parameter(checkup, call.caller, value) {
            if gets_others(checkup, call.caller, outer, (class, steps))? {
                continue;
            }
            return Some(false);
        }
        if !is_of_others(checkup, &checkup.values(call.caller, value), class) {
            return Some(false);
        }
    }
    Some(!calls.is_empty())
}

/// Whether objects are certainly of other classes than this one.
pub(super) fn is_of_others(checkup: &Checkup<'_>, objects: &[Value], class: Place) -> bool {
    let may_be = |value: &Value| match *value {
        Value::Instance(it) => {
            checkup.resolver.is_subclass(it, class) || checkup.resolver.is_subclass(class, it)
        }
        _ => true,
    };
    // There may be more of them than were looked at.
    (1..MEANINGS_MAX).contains(&objects.len()) && !objects.iter().any(may_be)
}

/// The parameter that an expression names, if the function gives it no other value.
pub(super) fn parameter(checkup: &Checkup<'_>, function: Place, expr: ExprId) -> Option<u32> {
    let Expr::Name(name) = checkup.program.summary(function.file).expr(expr) else { return None };
    let bindings = checkup.program.bindings(function, *name);
    match bindings.as_slice() {
        [only] => match only.meaning {
            Meaning::Parameter(index) => Some(index),
            _ => None,
        },
        _ => None,
    }
}
