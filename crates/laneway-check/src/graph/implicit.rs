//! Calls without parentheses: `with`, `for` and properties.

use super::{Edge, Search, is_sync_loop};
use crate::program::Place;
use crate::resolve::Value;
use crate::summary::{Expr, ExprId, Meaning, Use};

impl Search<'_> {
    pub(super) fn implicit_calls(&mut self, place: Place) {
        let program = self.program;
        for with in program.withs(place).filter(|it| !it.is_async && !it.is_guarded) {
            if !self.may_run(place, with.branch) {
                continue;
            }
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
        for it in program.assigned(place) {
            let name = program.summary(place.file).text(it.attribute);
            if self.properties.contains(name) {
                self.written(place, it.object, name);
            }
        }
    }

    /// `object.name = …` where the class has a setter for it.
    fn written(&mut self, place: Place, object: ExprId, name: &str) {
        let objects = self.resolver.values(place, object);
        for value in objects.iter() {
            let (Value::Instance(class) | Value::Super(class)) = value else { continue };
            if let Some(callee) = self.accessor(*class, name, true) {
                let is_certain = objects.len() == 1;
                let edge = Edge { caller: place, callee, expr: object, is_certain };
                self.function_call(edge, Use::Other);
            }
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
            if let Some(callee) = self.accessor(*class, name, false) {
                let is_certain = objects.len() == 1;
                self.function_call(Edge { caller: place, callee, expr, is_certain }, Use::Other);
            }
        }
    }

    /// The getter or the setter of a property.
    fn accessor(&self, class: Place, name: &str, is_setter: bool) -> Option<Place> {
        for ancestor in self.resolver.ancestors(class) {
            let Value::Class(class) = ancestor else { return None };
            let Some(own) = self.program.name(class.file, name) else { continue };
            let mut functions =
                self.program.bindings(class, own).into_iter().filter_map(|it| match it.meaning {
                    Meaning::Function(scope) => Some(Place { file: class.file, scope }),
                    _ => None,
                });
            // The first definition is the getter; setters come after it.
            let Some(getter) = functions.next() else { continue };
            if !self.resolver.is_property(getter) {
                return None;
            }
            let is_wanted =
                |it: &Place| self.resolver.decorator_names(*it).any(|it| it == "setter");
            return if is_setter { functions.find(is_wanted) } else { Some(getter) };
        }
        None
    }
}
