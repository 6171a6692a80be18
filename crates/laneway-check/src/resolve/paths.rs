//! The library's name of an expression, also of a library of which nothing is known.

use super::{Resolver, Value};
use crate::program::Place;
use crate::summary::{Binding, Expr, ExprId, Meaning};

/// How far a name is followed to its import.
const STEPS_MAX: u8 = 16;

impl Resolver<'_> {
    /// The dotted name by which a user's import reaches what an expression means, such as
    /// `acme.Client.fetch`; `None` for what is the program's own.
    pub(crate) fn library_path(&self, place: Place, expr: ExprId) -> Option<String> {
        self.path_within(place, expr, STEPS_MAX)
    }

    fn path_within(&self, place: Place, expr: ExprId, steps: u8) -> Option<String> {
        let left = steps.checked_sub(1)?;
        match self.values(place, expr).first() {
            Some(Value::Known(node) | Value::Object(node)) => {
                return Some(self.knowledge.path(*node).to_owned());
            }
            Some(Value::Parameter(..)) | None => {}
            Some(_) => return None,
        }
        let summary = self.program.summary(place.file);
        match summary.expr(expr) {
            Expr::Name(name) => {
                let at = summary.node(expr).span.start;
                let (scope, bindings) = self.lookup(place, *name, at)?;
                bindings.into_iter().find_map(|it| self.path_of_binding(scope, it, left))
            }
            Expr::Attribute(object, name) => {
                let name = summary.text(*name);
                match self.path_within(place, *object, left) {
                    Some(path) => Some(format!("{path}.{name}")),
                    None => self.path_of_attribute(place, *object, name, left),
                }
            }
            // An object is called after its class.
            Expr::Call { function, .. } => {
                let path = self.path_within(place, *function, left)?;
                let last = path.rsplit('.').next().unwrap_or(&path);
                last.starts_with(|it: char| it.is_ascii_uppercase()).then_some(path)
            }
            Expr::Await(inner) => self.path_within(place, *inner, left),
            Expr::Either(parts) => {
                parts.iter().find_map(|part| self.path_within(place, *part, left))
            }
            Expr::Subscript(generic, argument) => {
                let is_transparent =
                    matches!(summary.last_name(*generic), Some("Optional" | "Annotated"));
                is_transparent.then(|| self.path_within(place, *argument, left))?
            }
            _ => None,
        }
    }

    fn path_of_binding(&self, scope: Place, binding: &Binding, left: u8) -> Option<String> {
        let file = scope.file;
        let place = Place { file, scope: binding.scope };
        let is_own = |path: &str| {
            let root = path.split('.').next().unwrap_or(path);
            self.program.module(root, file).is_some() || self.program.is_namespace(root)
        };
        match &binding.meaning {
            Meaning::Module(module) => {
                let path = self.text(file, *module);
                (!is_own(path)).then(|| path.to_owned())
            }
            Meaning::From { module: Some(module), level: 0, name } => {
                let path = format!("{}.{}", self.text(file, *module), self.text(file, *name));
                (!is_own(&path)).then_some(path)
            }
            Meaning::Value { annotation: Some(annotation), .. } => {
                self.path_within(place, *annotation, left)
            }
            Meaning::Value { value: Some(value), .. } | Meaning::Narrowed { value, .. } => {
                self.path_within(place, *value, left)
            }
            Meaning::Entered { context, .. } => self.path_within(place, *context, left),
            Meaning::Parameter(index) => {
                let scope = self.program.scope(place)?;
                let annotation = scope.parameters.get(*index as usize)?.annotation?;
                self.path_within(Place { file, scope: scope.parent }, annotation, left)
            }
            _ => None,
        }
    }

    /// `self.client`, by what was assigned to it.
    fn path_of_attribute(
        &self,
        place: Place,
        object: ExprId,
        name: &str,
        left: u8,
    ) -> Option<String> {
        self.values(place, object).iter().find_map(|value| {
            let (Value::Instance(class) | Value::Class(class)) = value else { return None };
            let own = self.program.name(class.file, name)?;
            let mut assigned = self.program.attributes(*class, own);
            assigned.find_map(|it| {
                let place = Place { file: class.file, scope: it.scope };
                self.path_within(place, it.annotation.or(it.value)?, left)
            })
        })
    }
}
