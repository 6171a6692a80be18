//! Methods without a body, and which of the subclasses' methods stand behind them.

use super::{Edge, Search, function_of};
use crate::program::Place;
use crate::resolve::Value;
use crate::summary::{Expr, ExprId, ScopeId, ScopeKind, Summary};

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
    /// of the caller, and asks the base for it nowhere, never comes by there.
    fn inherits(&self, caller: Place, method: Place) -> bool {
        let Some(class) = self.program.class_of(method) else { return true };
        let Some(scope) = self.program.scope(caller) else { return true };
        let name = self.program.summary(caller.file).text(scope.name);
        let mut found = Vec::new();
        self.resolver.attribute(Value::Instance(class), name, &mut found);
        let mut functions = found.into_iter().filter_map(function_of).peekable();
        functions.peek().is_none()
            || functions.any(|it| it == caller)
            || self.resolver.ancestors(class).into_iter().any(
                |ancestor| matches!(ancestor, Value::Class(it) if self.asks_base(it, caller, name)),
            )
    }

    /// Whether a method of a class names the caller: as `super().name`, or by its class.
    fn asks_base(&self, class: Place, caller: Place, name: &str) -> bool {
        if self.program.class_of(caller) == Some(class) {
            return false;
        }
        let program = self.program;
        let summary = program.summary(class.file);
        let scopes = (0..).map(ScopeId).zip(&summary.scopes).map(|(scope, _)| scope);
        scopes.filter(|scope| is_inside(summary, *scope, class.scope)).any(|scope| {
            let place = Place { file: class.file, scope };
            let functions = program.calls(place).filter_map(|call| match summary.expr(call.expr) {
                Expr::Call { function, .. } => Some(*function),
                _ => None,
            });
            functions
                .chain(program.reads(place))
                .filter(|it| summary.last_name(*it) == Some(name))
                .any(|it| self.is_of_base(place, it, caller))
        })
    }

    fn is_of_base(&self, place: Place, expr: ExprId, caller: Place) -> bool {
        let summary = self.program.summary(place.file);
        let Expr::Attribute(object, _) = summary.expr(expr) else { return false };
        if let Expr::Call { function, .. } = summary.expr(*object) {
            return summary.last_name(*function) == Some("super");
        }
        // By an object of its own, the class calls what it has in that place itself.
        let objects = self.resolver.values(place, *object);
        objects.iter().any(|it| matches!(it, Value::Class(_)))
            && self.resolver.values(place, expr).contains(&Value::Function(caller))
    }
}

/// Whether a scope lies in a class, but not in a class of that.
fn is_inside(summary: &Summary, scope: ScopeId, class: ScopeId) -> bool {
    let mut here = scope;
    while here != ScopeId::MODULE {
        let Some(parent) = summary.scope(here).map(|it| it.parent) else { return false };
        if parent == class {
            return true;
        }
        if summary.scope(parent).is_some_and(|it| it.kind == ScopeKind::Class) {
            return false;
        }
        here = parent;
    }
    false
}
