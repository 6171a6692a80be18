//! Calls without parentheses: `with`, `for` and properties.

use super::{Edge, Search, is_sync_loop};
use crate::program::Place;
use crate::resolve::Value;
use crate::summary::{Expr, ExprId, Use};

impl Search<'_> {
    pub(super) fn implicit_calls(&mut self, place: Place) {
        let program = self.program;
        for with in program.withs(place).filter(|it| !it.is_async && !it.is_guarded) {
            for context in &with.contexts {
                for value in self.resolver.values(place, *context).iter() {
                    for method in ["__enter__", "__exit__"] {
                        self.method_call(place, *context, *value, method);
                    }
                }
            }
        }
        for it in program.loops(place) {
            if is_sync_loop(it.kind) {
                for value in self.resolver.values(place, it.subject).iter() {
                    for method in ["__iter__", "__next__"] {
                        self.method_call(place, it.subject, *value, method);
                    }
                }
            }
        }
        for expr in program.reads(place) {
            self.read(place, expr);
        }
    }

    fn read(&mut self, place: Place, expr: ExprId) {
        let summary = self.program.summary(place.file);
        let Expr::Attribute(object, name) = summary.expr(expr) else { return };
        let name = summary.text(*name);
        if !self.properties.contains(name) {
            return;
        }
        let objects = self.resolver.values(place, *object);
        for value in objects.iter() {
            let (Value::Instance(class) | Value::Super(class)) = value else { continue };
            if let Some(callee) = self.property(*class, name) {
                let is_certain = objects.len() == 1;
                self.function_call(Edge { caller: place, callee, expr, is_certain }, Use::Other);
            }
        }
    }

    fn property(&self, class: Place, name: &str) -> Option<Place> {
        for ancestor in self.resolver.ancestors(class) {
            let Value::Class(class) = ancestor else { return None };
            let Some(own) = self.program.name(class.file, name) else { continue };
            for binding in self.program.bindings(class, own) {
                if let crate::summary::Meaning::Function(scope) = binding.meaning {
                    let function = Place { file: class.file, scope };
                    // The first definition is the getter; setters come after it.
                    return self.resolver.is_property(function).then_some(function);
                }
            }
        }
        None
    }
}
