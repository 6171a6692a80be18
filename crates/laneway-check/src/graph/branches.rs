//! Branches that are not taken: what a test is for certain where a loop runs the code.
//!
//! A parameter is what all calls so far give it, which may be its default, unless somebody may call
//! the function unseen. A call in a branch that only another value takes waits for that.

use rustc_hash::{FxHashMap, FxHashSet};

use super::arguments::{Given, given};
use super::constants::Constant;
use super::{Edge, Search};
use crate::program::Place;
use crate::resolve::{Decoration, Value};
use crate::summary::{
    BranchId, Call, Comparison, Condition, Expr, ExprId, Meaning, Name, ParameterForm,
};

/// Functions whose answer is yes, or a loop, where a loop runs.
const ANSWERED: &[&str] = &[
    "get_running_loop",
    "_get_running_loop",
    "current_async_library",
    "is_in_async_context",
    "in_async_context",
    "is_async_context",
    "in_event_loop",
    "is_in_event_loop",
    "has_running_loop",
];

/// How deep a test is looked into.
const STEPS_MAX: u8 = 8;

/// What the search knows of parameters.
#[derive(Debug, Default)]
pub(super) struct Branches<'a> {
    /// Functions that somebody unknown calls.
    open: FxHashSet<Place>,
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

/// A question about one function, and which parameters it was answered by.
struct Question {
    place: Place,
    parameters: Vec<u32>,
    steps: u8,
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

    /// Whether a branch may be taken; if that needs parameters that were not given, it says which.
    fn is_taken(&self, place: Place, branch: Option<BranchId>, waits: &mut Vec<u32>) -> bool {
        for condition in self.program.summary(place.file).conditions(branch) {
            let (test, holds) = match condition {
                Condition::Holds(test) => (test, true),
                Condition::Fails(test) => (test, false),
                Condition::NoLoop => return false,
                Condition::WithoutWaiting | Condition::WithoutLoop => continue,
            };
            let mut question = Question { place, parameters: Vec::new(), steps: STEPS_MAX };
            if self.truth(&mut question, test).is_some_and(|truth| truth != holds) {
                if question.parameters.is_empty() {
                    return false;
                }
                waits.append(&mut question.parameters);
            }
        }
        true
    }

    /// Whether a test holds, where that is certain.
    fn truth(&self, question: &mut Question, test: ExprId) -> Option<bool> {
        question.steps = question.steps.checked_sub(1)?;
        let summary = self.program.summary(question.place.file);
        match summary.expr(test) {
            Expr::Not(inner) => self.truth(question, *inner).map(|it| !it),
            Expr::Compare(left, comparison, right) => {
                let same = self.are_same(question, *left, *right)?;
                Some(same == (*comparison == Comparison::Same))
            }
            _ if self.is_answered(question.place, test) => Some(true),
            _ => self.constant(question, test)?.truth(),
        }
    }

    fn are_same(&self, question: &mut Question, left: ExprId, right: ExprId) -> Option<bool> {
        let place = question.place;
        // The thread that asks is the loop's.
        if self.is_thread(place, left) && self.is_thread(place, right)
            || self.is_thread(place, left) && self.names_loop(place, right)
            || self.is_thread(place, right) && self.names_loop(place, left)
        {
            return Some(true);
        }
        let is_none = |it: ExprId| self.program.summary(place.file).literal(it) == Some("None");
        if self.is_answered(place, left) && is_none(right) {
            return Some(false);
        }
        self.constant(question, left)?.is_same(self.constant(question, right)?)
    }

    /// `threading.get_ident()`, `threading.current_thread()` and what belongs to them.
    fn is_thread(&self, place: Place, expr: ExprId) -> bool {
        let summary = self.program.summary(place.file);
        match summary.expr(expr) {
            Expr::Call { function, .. } => matches!(
                summary.last_name(*function),
                Some("get_ident" | "get_native_id" | "current_thread" | "main_thread")
            ),
            Expr::Attribute(object, _) => self.is_thread(place, *object),
            _ => false,
        }
    }

    /// Whether a name says that it is the loop's or the main thread.
    fn names_loop(&self, place: Place, expr: ExprId) -> bool {
        let dotted = self.program.summary(place.file).dotted(expr).unwrap_or_default();
        let dotted = dotted.to_ascii_lowercase();
        dotted.contains("thread") && (dotted.contains("loop") || dotted.contains("main"))
    }

    /// Whether an expression asks for the running loop, or is the answer to that.
    fn is_answered(&self, place: Place, expr: ExprId) -> bool {
        let summary = self.program.summary(place.file);
        match summary.expr(expr) {
            Expr::Call { function, .. } => {
                let name = summary.last_name(*function).unwrap_or("");
                let is_of_loop = || {
                    let Expr::Attribute(object, _) = summary.expr(*function) else { return false };
                    let object = match summary.expr(*object) {
                        Expr::Call { function, .. } => summary.last_name(*function),
                        _ => summary.last_name(*object),
                    };
                    object.is_some_and(|it| it.to_ascii_lowercase().ends_with("loop"))
                };
                ANSWERED.contains(&name) || name == "is_running" && is_of_loop()
            }
            Expr::Name(name) => self.program.bindings(place, *name).iter().any(|it| {
                matches!(it.meaning, Meaning::Value { value: Some(value), .. }
                    if matches!(summary.expr(value), Expr::Call { function, .. }
                        if summary.last_name(*function).is_some_and(|it| ANSWERED.contains(&it))))
            }),
            _ => false,
        }
    }

    /// What an expression is for certain.
    fn constant(&self, question: &mut Question, expr: ExprId) -> Option<Constant<'a>> {
        let place = question.place;
        let program = self.program;
        let summary = program.summary(place.file);
        match summary.expr(expr) {
            _ if summary.last_name(expr) == Some("TYPE_CHECKING") => {
                Some(Constant::Literal("False"))
            }
            Expr::Name(name) => {
                let index = self.parameter(place, *name)?;
                let value = self.value(place, index)?;
                question.parameters.push(index);
                Some(value)
            }
            Expr::Call { function, .. } => self.answer(place, *function).map(Constant::Literal),
            _ => self.known(place, expr),
        }
    }

    /// What a function returns that does nothing else.
    fn answer(&self, place: Place, function: ExprId) -> Option<&'a str> {
        let callees = self.resolver.values(place, function);
        let [Value::Function(callee) | Value::Method(callee)] = *callees else { return None };
        let program = self.program;
        let scope = program.scope(callee).filter(|it| it.facts.is_constant)?;
        let is_plain = self.resolver.decoration(callee) == Decoration::Plain
            && self.resolver.overrides(callee).is_empty();
        let returned = *scope.returns.first()?;
        program.summary(callee.file).literal(returned).filter(|_| is_plain)
    }

    /// A parameter that is never assigned.
    fn parameter(&self, place: Place, name: Name) -> Option<u32> {
        let program = self.program;
        let bindings = program.bindings(place, name);
        let mut meanings = bindings
            .iter()
            .map(|it| &it.meaning)
            .filter(|it| !matches!(it, Meaning::Narrowed { .. }));
        match (meanings.next(), meanings.next()) {
            (Some(Meaning::Parameter(index)), None) => Some(*index),
            _ => None,
        }
    }

    /// What a parameter is in all calls so far.
    fn value(&self, function: Place, index: u32) -> Option<Constant<'a>> {
        if self.is_given(function, index) || self.resolver.is_called_unseen(function) {
            return None;
        }
        let same = self.branches.same.get(&(function, index)).copied();
        same.or_else(|| self.default(function, index))
    }

    /// The default of a parameter, if it is known.
    fn default(&self, function: Place, index: u32) -> Option<Constant<'a>> {
        let scope = self.program.scope(function)?;
        let outer = Place { file: function.file, scope: scope.parent };
        self.known(outer, scope.parameters.get(index as usize)?.default?)
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
            Given::Default => match self.default(edge.callee, index) {
                Some(default) => Some(default),
                None => return,
            },
            Given::Unknown => None,
            Given::Value(value) => match summary.expr(value) {
                // A parameter that is handed on is given when it is given itself.
                Expr::Name(name) => self.parameter(edge.caller, *name).and_then(|outer| {
                    let constant = self.value(edge.caller, outer)?;
                    self.branches.links.entry((edge.caller, outer)).or_default().push(key);
                    Some(constant)
                }),
                _ => self.known(edge.caller, value),
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
