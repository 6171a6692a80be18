//! Methods without a body, and which of the subclasses' methods stand behind them.

use super::{Edge, Search, function_of};
use crate::program::Place;
use crate::resolve::Value;
use crate::summary::{Expr, ExprId};

impl Search<'_> {
    /// The methods that may stand behind one without a body.
    pub(super) fn stand_ins(&self, edge: Edge) -> Vec<Place> {
        let Some(class) = self.program.class_of(edge.callee) else { return Vec::new() };
        let is_stub = self.program.scope(edge.callee).is_some_and(|it| it.facts.is_stub);
        if !is_stub {
            return Vec::new();
        }
        let summary = self.program.summary(edge.caller.file);
        let function = match summary.expr(edge.expr) {
            Expr::Call { function, .. } => *function,
            _ => edge.expr,
        };
        let mut receivers = Vec::new();
        if let Expr::Attribute(object, _) = summary.expr(function) {
            for value in self.resolver.values(edge.caller, *object).iter() {
                match *value {
                    // `super()` looks upwards only.
                    Value::Super(_) => return Vec::new(),
                    Value::Instance(it) | Value::Class(it)
                        if self.resolver.is_subclass(it, class) =>
                    {
                        receivers.push(it);
                    }
                    _ => {}
                }
            }
        }
        if receivers.is_empty() {
            receivers.push(class);
        }
        let mut found = self.resolver.stand_ins(edge.callee, &receivers);
        if self.is_of_self(edge.caller, function) {
            found.retain(|it| self.inherits(edge.caller, *it));
        }
        found
    }

    /// Whether a method calls a method of its own object.
    fn is_of_self(&self, caller: Place, function: ExprId) -> bool {
        let summary = self.program.summary(caller.file);
        let Expr::Attribute(object, _) = summary.expr(function) else { return false };
        let own = self.program.scope(caller).and_then(|it| it.parameters.first());
        self.program.class_of(caller).is_some()
            && own.is_some_and(|own| *summary.expr(*object) == Expr::Name(own.name))
    }

    /// Whether objects of a method's class run the caller: one that has its own method in the place
    /// of the caller, and does not ask `super()`, never comes by there.
    fn inherits(&self, caller: Place, method: Place) -> bool {
        let Some(class) = self.program.class_of(method) else { return true };
        let Some(scope) = self.program.scope(caller) else { return true };
        let name = self.program.summary(caller.file).text(scope.name);
        let mut found = Vec::new();
        self.resolver.attribute(Value::Instance(class), name, &mut found);
        let mut functions = found.into_iter().filter_map(function_of).peekable();
        functions.peek().is_none() || functions.any(|it| it == caller || self.asks_super(it))
    }

    fn asks_super(&self, function: Place) -> bool {
        let summary = self.program.summary(function.file);
        self.program.calls(function).any(|call| match summary.expr(call.expr) {
            Expr::Call { function, .. } => summary.last_name(*function) == Some("super"),
            _ => false,
        })
    }
}
