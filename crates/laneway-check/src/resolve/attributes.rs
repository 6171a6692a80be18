//! What an attribute of a value means: modules, classes with their bases, objects.

use std::rc::Rc;

use super::names::MethodForm;
use super::{Resolver, Value};
use crate::knowledge::Member;
use crate::program::Place;
use crate::summary::Meaning;

/// How many classes a method is looked for in.
const CLASSES_MAX: usize = 64;

impl Resolver<'_> {
    /// Adds what `value.name` may mean.
    pub(crate) fn attribute(&self, value: Value, name: &str, found: &mut Vec<Value>) {
        match value {
            Value::Module(file) => self.member_of_module(file, name, found),
            Value::Known(node) => match self.knowledge.child(node, name) {
                Some(child) => found.push(match self.knowledge.value(child) {
                    Some(class) => Value::Object(class),
                    None => Value::Known(child),
                }),
                None => self.member(node, name, found),
            },
            Value::Object(class) => self.member(class, name, found),
            Value::Class(class) => self.class_attribute(class, name, false, found),
            Value::Instance(class) => self.class_attribute(class, name, true, found),
            Value::Super(class) => {
                for base in self.bases(class).iter() {
                    match base {
                        Value::Class(base) => self.class_attribute(*base, name, true, found),
                        Value::Known(node) => self.member(*node, name, found),
                        _ => {}
                    }
                    if !found.is_empty() {
                        break;
                    }
                }
            }
            _ => {}
        }
    }

    fn member(&self, class: crate::knowledge::NodeId, name: &str, found: &mut Vec<Value>) {
        found.extend(self.knowledge.member(class, name).map(|member| match member {
            Member::Named(node) => match self.knowledge.value(node) {
                Some(class) => Value::Object(class),
                None => Value::Known(node),
            },
            Member::Every(class) => Value::AnyMethod(class),
        }));
    }

    fn class_attribute(&self, class: Place, name: &str, is_bound: bool, found: &mut Vec<Value>) {
        for ancestor in self.ancestors(class) {
            let before = found.len();
            match ancestor {
                Value::Class(ancestor) => self.own_attribute(ancestor, name, is_bound, found),
                Value::Known(node) => self.member(node, name, found),
                _ => {}
            }
            if found.len() > before {
                return;
            }
        }
    }

    /// What a class itself says of an attribute: in its body, or by assignments in its methods.
    fn own_attribute(&self, class: Place, name: &str, is_bound: bool, found: &mut Vec<Value>) {
        let Some(own) = self.program.name(class.file, name) else { return };
        let bindings = self.program.bindings(class, own);
        // Later definitions of a method replace earlier ones; overloads come before.
        if let Some(Meaning::Function(scope)) = bindings.last().map(|binding| &binding.meaning) {
            let function = Place { file: class.file, scope: *scope };
            return self.method(function, is_bound, found);
        }
        for value in self.union(class, &bindings).iter() {
            found.push(*value);
        }
        for attribute in self.program.attributes(class, own) {
            let place = Place { file: class.file, scope: attribute.scope };
            if self.is_own_object(place, attribute.object) {
                self.assigned(place, attribute.value, attribute.annotation, found);
            }
        }
    }

    fn is_own_object(&self, place: Place, object: crate::summary::ExprId) -> bool {
        matches!(
            self.program.summary(place.file).last_name(object),
            Some("self" | "cls" | "this" | "instance")
        )
    }

    fn method(&self, function: Place, is_bound: bool, found: &mut Vec<Value>) {
        if self.is_property(function) {
            if is_bound {
                found.extend(self.returns(function).iter());
            }
            return;
        }
        let form = self.method_form(function);
        for value in self.decorated(function) {
            found.push(match value {
                Value::Function(function)
                    if form == MethodForm::Class || (is_bound && form == MethodForm::Instance) =>
                {
                    Value::Method(function)
                }
                other => other,
            });
        }
    }

    /// The class and its bases in the order in which attributes are looked up; nearly Python's own.
    pub(crate) fn ancestors(&self, class: Place) -> Vec<Value> {
        let mut order = vec![Value::Class(class)];
        let mut at = 0;
        while let Some(value) = order.get(at).copied() {
            if let Value::Class(class) = value
                && order.len() < CLASSES_MAX
            {
                // Depth first: bases of the first base come before the second one.
                let bases = self.bases(class);
                let new = bases.iter().filter(|base| !order.contains(base)).copied();
                let new: Vec<Value> = new.collect();
                order.splice(at + 1..=at, new);
            }
            at += 1;
        }
        order
    }

    /// The bases of a class that have a meaning.
    pub(crate) fn bases(&self, class: Place) -> Rc<[Value]> {
        if let Some(known) = self.bases.borrow().get(&class) {
            return known.clone();
        }
        // A class that is its own base has none.
        self.bases.borrow_mut().insert(class, Rc::default());
        let Some(scope) = self.program.scope(class) else { return Rc::default() };
        let outer = Place { file: class.file, scope: scope.parent };
        let values = scope.bases.iter().flat_map(|base| self.values(outer, *base).to_vec());
        let classes = values.filter(|it| matches!(it, Value::Class(_) | Value::Known(_)));
        let bases: Rc<[Value]> = classes.collect();
        self.bases.borrow_mut().insert(class, bases.clone());
        bases
    }

    /// Whether a class has a base whose code is not part of the program.
    pub(crate) fn has_foreign_base(&self, class: Place) -> bool {
        let ancestors = self.ancestors(class);
        ancestors.iter().any(|ancestor| match ancestor {
            Value::Class(class) => {
                let named = self.program.scope(*class).map_or(0, |scope| scope.bases.len());
                let known = self
                    .bases(*class)
                    .iter()
                    .filter(|base| matches!(base, Value::Class(_)))
                    .count();
                named > known
            }
            _ => true,
        })
    }
}
