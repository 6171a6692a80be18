//! Callables that are passed on: whoever calls a parameter of its own runs what was passed to it.

use super::{Edge, Passed, Search};
use crate::program::{Place, Program};
use crate::resolve::{Resolver, Value};
use crate::summary::{Argument, Expr, ExprId, ParameterForm};

impl Search<'_> {
    /// The callables among the arguments run at once.
    pub(super) fn call_arguments(&mut self, place: Place, expr: ExprId, arguments: &[Argument]) {
        for argument in arguments {
            for value in self.callables(place, argument) {
                self.run_passed(Passed { caller: place, expr, value });
            }
        }
    }

    fn callables(&self, place: Place, argument: &Argument) -> Vec<Value> {
        let summary = self.program.summary(place.file);
        // Calls and literals are no functions; asking what they are would cost most of the time.
        match summary.expr(argument.value) {
            Expr::Name(_) | Expr::Attribute(..) | Expr::Lambda(_) => {}
            Expr::Call { function, .. }
                if summary.last_name(*function).is_some_and(|name| name == "partial") => {}
            _ => return Vec::new(),
        }
        let values = self.resolver.values(place, argument.value);
        let is_callable = |value: &Value| {
            matches!(value, Value::Function(_) | Value::Method(_) | Value::Parameter(..))
        };
        values.iter().copied().filter(is_callable).collect()
    }

    /// Remembers what a call passes to which parameter.
    pub(super) fn pass_arguments(&mut self, edge: Edge, arguments: &[Argument], is_bound: bool) {
        for (at, argument) in arguments.iter().enumerate() {
            let values = self.callables(edge.caller, argument);
            if values.is_empty() {
                continue;
            }
            let parameter = taker(self.program, edge, argument, at + usize::from(is_bound));
            let Some(parameter) = parameter.and_then(|at| u32::try_from(at).ok()) else { continue };
            for value in values {
                let passed = Passed { caller: edge.caller, expr: edge.expr, value };
                let key = (edge.callee, parameter);
                self.passed.entry(key).or_default().push(passed);
                if self.called_parameters.contains(&key) {
                    self.run_passed(passed);
                }
            }
        }
    }

    /// A function calls a parameter of its own.
    pub(super) fn parameter_is_called(&mut self, owner: Place, index: u32) {
        if !self.called_parameters.insert((owner, index)) {
            return;
        }
        for passed in self.passed.get(&(owner, index)).cloned().unwrap_or_default() {
            self.run_passed(passed);
        }
    }

    fn run_passed(&mut self, passed: Passed) {
        match passed.value {
            Value::Function(callee) | Value::Method(callee) if !self.resolver.is_async(callee) => {
                let Passed { caller, expr, .. } = passed;
                self.give_all(callee);
                self.edge(Edge { caller, callee, expr, is_certain: true });
            }
            Value::Parameter(owner, index) if owner == passed.caller => {
                self.parameter_is_called(owner, index);
            }
            _ => {}
        }
    }
}

/// What a call gives to a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    Value(ExprId),
    /// Nothing, so that it is its default.
    Default,
    /// It may be in what the call unpacks.
    Unknown,
}

/// What a call gives to each parameter of what it calls.
pub(crate) fn given(resolver: &Resolver<'_>, edge: Edge) -> Vec<Given> {
    let program = resolver.program;
    let parameters = program.scope(edge.callee).map_or(0, |it| it.parameters.len());
    let mut values = vec![Given::Default; parameters];
    let summary = program.summary(edge.caller.file);
    let Expr::Call { function, arguments } = summary.expr(edge.expr) else { return values };
    let is_starred = |it: &Argument| matches!(summary.expr(it.value), Expr::Starred(_));
    if arguments.iter().any(is_starred) {
        return vec![Given::Unknown; parameters];
    }
    let is_unpacked =
        |it: &Argument| it.keyword.is_some_and(|keyword| summary.text(keyword) == "**");
    if arguments.iter().any(is_unpacked) {
        // What stands in the call itself cannot be in there, too.
        values.fill(Given::Unknown);
    }
    let first = first_parameter(resolver, edge, *function);
    for (at, argument) in arguments.iter().enumerate() {
        let index = taker(program, edge, argument, at + first);
        if let Some(value) = index.and_then(|index| values.get_mut(index)) {
            *value = Given::Value(argument.value);
        }
    }
    values
}

/// The parameter that takes an argument, which stands at a position if it has no name; `None` where
/// `*args` or `**kwargs` takes it.
fn taker(program: &Program, edge: Edge, argument: &Argument, at: usize) -> Option<usize> {
    let parameters = program.scope(edge.callee)?.parameters.as_slice();
    match argument.keyword {
        Some(keyword) => {
            let keyword = program.summary(edge.caller.file).text(keyword);
            let own = program.summary(edge.callee.file);
            parameters
                .iter()
                .position(|it| it.form != ParameterForm::Rest && own.text(it.name) == keyword)
        }
        None => parameters.get(at).filter(|it| it.form == ParameterForm::Positional).map(|_| at),
    }
}

/// The parameter that takes the first argument: the one behind `self`, unless the method is called
/// by its class with the object as an argument.
fn first_parameter(resolver: &Resolver<'_>, edge: Edge, function: ExprId) -> usize {
    let values = resolver.values(edge.caller, function);
    let is_method = resolver.program.class_of(edge.callee).is_some()
        && resolver.decorator_names(edge.callee).all(|it| it != "staticmethod");
    let is_bound = values.contains(&Value::Method(edge.callee));
    usize::from(is_bound || is_method && !values.contains(&Value::Function(edge.callee)))
}
