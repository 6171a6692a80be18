//! Branches that are not taken: what a test is for certain where a loop runs the code.
//!
//! A parameter is what all calls so far give it, which may be its default, unless somebody may call
//! the function unseen. A call in a branch that only another value takes waits for that.

use rustc_hash::{FxHashMap, FxHashSet};

use super::arguments::{Given, given};
use super::conditions::Conditions;
use super::constants::Constant;
use super::{Edge, Search};
use crate::program::Place;
use crate::summary::{BranchId, Call, Expr, ParameterForm};

/// What the search knows of parameters.
#[derive(Debug, Default)]
pub(super) struct Branches<'a> {
    /// Functions that somebody unknown calls.
    pub(super) open: FxHashSet<Place>,
    /// Parameters to which all calls so far give the same.
    same: FxHashMap<(Place, u32), Constant<'a>>,
    /// Parameters that have several values, or one that is not known.
    given: FxHashSet<(Place, u32)>,
    /// What waits until a parameter is given.
    waiting: FxHashMap<(Place, u32), Vec<&'a Call>>,
    woken: Vec<(Place, &'a Call)>,
    /// Parameters that hand their value on to others.
    links: FxHashMap<(Place, u32), Vec<(Place, u32)>>,
}

impl<'a> Search<'a> {
    /// Follows a call, unless its branch is not taken.
    pub(super) fn consider(&mut self, place: Place, call: &'a Call) {
        let mut waits = Vec::new();
        if !self.is_taken(place, call.branch, &mut waits) {
            return;
        }
        if waits.is_empty() {
            self.call(place, call);
        }
        for parameter in waits {
            let waiting = self.branches.waiting.entry((place, parameter)).or_default();
            if !waiting.iter().any(|it| it.expr == call.expr) {
                waiting.push(call);
            }
        }
    }

    /// Whether a branch is taken, as far as it does not depend on parameters.
    pub(super) fn may_run(&self, place: Place, branch: Option<BranchId>) -> bool {
        self.is_taken(place, branch, &mut Vec::new())
    }

    fn is_taken(&self, place: Place, branch: Option<BranchId>, waits: &mut Vec<u32>) -> bool {
        let value = |index| self.value(place, index);
        self.conditions().is_taken((place, branch), &value, waits)
    }

    fn conditions(&self) -> Conditions<'a> {
        Conditions::new(self.resolver)
    }

    /// What a parameter is in all calls so far.
    fn value(&self, function: Place, index: u32) -> Option<Constant<'a>> {
        if self.is_given(function, index) || self.resolver.is_called_unseen(function) {
            return None;
        }
        let same = self.branches.same.get(&(function, index)).copied();
        same.or_else(|| self.conditions().default(function, index))
    }

    fn is_given(&self, place: Place, index: u32) -> bool {
        self.branches.open.contains(&place) || self.branches.given.contains(&(place, index))
    }

    /// Somebody calls a function with what is not known.
    pub(super) fn give_all(&mut self, function: Place) {
        if !self.branches.open.insert(function) {
            return;
        }
        let parameters = self.program.scope(function).map_or(0, |it| it.parameters.len());
        for index in (0..parameters).filter_map(|it| u32::try_from(it).ok()) {
            self.wake(function, index);
        }
    }

    /// What a call gives to the parameters of a function, their defaults included.
    pub(super) fn give(&mut self, edge: Edge) {
        let program = self.program;
        let Some(scope) = program.scope(edge.callee) else { return };
        let own = program.summary(edge.callee.file);
        if is_called_by_syntax(own.text(scope.name)) {
            return self.give_all(edge.callee);
        }
        let values = given(self.resolver, edge);
        for ((index, value), parameter) in (0..).zip(values).zip(&scope.parameters) {
            if parameter.form != ParameterForm::Rest {
                self.give_one(edge, index, value);
            }
        }
    }

    fn give_one(&mut self, edge: Edge, index: u32, value: Given) {
        let key = (edge.callee, index);
        if self.is_given(edge.callee, index) {
            return;
        }
        let program = self.program;
        let summary = program.summary(edge.caller.file);
        let constant = match value {
            // Without a default, it is `self`, or nothing that a test could be about.
            Given::Default => match self.conditions().default(edge.callee, index) {
                Some(default) => Some(default),
                None => return,
            },
            Given::Unknown => None,
            Given::Value(value) => match summary.expr(value) {
                // A parameter that is handed on is given when it is given itself.
                Expr::Name(name) => {
                    self.conditions().parameter(edge.caller, *name).and_then(|outer| {
                        let constant = self.value(edge.caller, outer)?;
                        self.branches.links.entry((edge.caller, outer)).or_default().push(key);
                        Some(constant)
                    })
                }
                _ => self.conditions().known(edge.caller, value),
            },
        };
        let known = constant.map(|it| *self.branches.same.entry(key).or_insert(it) == it);
        if known != Some(true) && self.branches.given.insert(key) {
            self.wake(edge.callee, index);
        }
    }

    /// What waited for a parameter may run now.
    fn wake(&mut self, function: Place, index: u32) {
        let mut open = vec![(function, index)];
        while let Some(key) = open.pop() {
            let calls = self.branches.waiting.remove(&key).unwrap_or_default();
            self.branches.woken.extend(calls.into_iter().map(|call| (key.0, call)));
            for next in self.branches.links.remove(&key).unwrap_or_default() {
                if self.branches.given.insert(next) {
                    open.push(next);
                }
            }
        }
    }

    /// A call that has waited, and need not any more.
    pub(super) fn woken(&mut self) -> Option<(Place, &'a Call)> {
        self.branches.woken.pop()
    }
}

/// Methods that the language calls, with other arguments than those that are written.
fn is_called_by_syntax(name: &str) -> bool {
    const BY_CALL: &[&str] = &["__init__", "__new__", "__post_init__", "__call__"];
    name.starts_with("__") && name.ends_with("__") && !BY_CALL.contains(&name)
}
