//! Why nothing is known of a value: followed back to the name that an annotation, or a file of
//! knowledge, would give a meaning.

use super::quiet;
use crate::program::{FileId, Place};
use crate::resolve::Value;
use crate::rules::Checkup;
use crate::summary::{Argument, Binding, Expr, ExprId, Meaning, Name, ScopeId, ScopeKind};

/// How far a value is followed back.
const STEPS_MAX: u8 = 24;

/// What has no known meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Cause {
    /// A parameter without an annotation that says what it is.
    Parameter(Place, u32),
    /// A parameter that is called, and nobody says with what.
    Callable(Place, u32),
    /// An attribute of a class, by the class and its name.
    Attribute(Place, String),
    /// What a function gives.
    Result(Place),
    /// A library of which nothing is known.
    Library(String),
    /// What is called is only known at run time.
    Dynamic(Place),
}

/// An expression, and how many steps may still be taken from it.
#[derive(Debug, Clone, Copy)]
struct Trace {
    place: Place,
    expr: ExprId,
    left: u8,
}

impl Trace {
    fn to(self, expr: ExprId) -> Self {
        Self { expr, left: self.left.saturating_sub(1), ..self }
    }

    fn at(self, place: Place, expr: ExprId) -> Self {
        Self { place, expr, left: self.left.saturating_sub(1) }
    }
}

impl Checkup<'_> {
    /// Why nothing is known of what is called; `None` where nothing need be known.
    pub(super) fn why_uncalled(&self, place: Place, function: ExprId) -> Option<Cause> {
        let summary = self.program.summary(place.file);
        if let Expr::Subscript(value, _) = summary.expr(function) {
            // An element of a dictionary or list of functions.
            let is_known = !self.values(place, *value).is_empty();
            return (!is_known).then_some(Cause::Dynamic(place));
        }
        for value in self.values(place, function).iter() {
            if let Value::Parameter(owner, index) = value {
                let is_given = self.graph.passed.contains(&(*owner, *index)) || *owner != place;
                return (!is_given).then_some(Cause::Callable(*owner, *index));
            }
        }
        self.why(Trace { place, expr: function, left: STEPS_MAX })
    }

    /// Why nothing is known of a value.
    fn why(&self, trace: Trace) -> Option<Cause> {
        if trace.left == 0 {
            return None;
        }
        let Trace { place, expr, .. } = trace;
        let summary = self.program.summary(place.file);
        match summary.expr(expr) {
            Expr::Name(name) => self.why_name(trace, *name, summary.node(expr).span.start),
            Expr::Attribute(object, name) => {
                self.why_attribute(trace, *object, summary.text(*name))
            }
            Expr::Call { function, arguments } => self.why_result(trace, *function, arguments),
            Expr::Await(inner) | Expr::Starred(inner) | Expr::Subscript(inner, _) => {
                self.why(trace.to(*inner))
            }
            Expr::Either(parts) => parts.iter().find_map(|part| self.why(trace.to(*part))),
            _ => None,
        }
    }

    fn why_name(&self, trace: Trace, name: Name, at: u32) -> Option<Cause> {
        let file = trace.place.file;
        if let Some((scope, bindings)) = self.resolver.lookup(trace.place, name, at) {
            return bindings.into_iter().find_map(|it| self.why_binding(trace, scope.file, it));
        }
        // What a library's `*` brought may be anything.
        let summary = self.program.summary(file);
        let is_builtin = self.resolver.knowledge.find("builtins").is_some_and(|builtins| {
            self.resolver.knowledge.child(builtins, summary.text(name)).is_some()
        });
        let stars = summary.stars.iter().filter(|(_, level)| *level == 0 && !is_builtin);
        stars.filter_map(|(module, _)| *module).find_map(|module| {
            self.library(file, summary.text(module)).filter(|_| summary.stars.len() == 1)
        })
    }

    fn why_binding(&self, trace: Trace, file: FileId, binding: &Binding) -> Option<Cause> {
        let summary = self.program.summary(file);
        let place = Place { file, scope: binding.scope };
        match &binding.meaning {
            Meaning::Module(module) => self.library(file, summary.text(*module)),
            Meaning::From { module, level, name } => {
                let module = module.map_or("", |module| summary.text(module));
                let path = self.program.absolute(file, module, *level)?;
                self.why_member(trace, file, &path, summary.text(*name))
            }
            Meaning::Value { annotation: Some(annotation), .. } => {
                self.why_annotation(trace.at(place, *annotation))
            }
            Meaning::Value { value: Some(value), .. }
            | Meaning::Element(value)
            | Meaning::Narrowed { value, .. }
            | Meaning::Unpacked(value)
            | Meaning::Entered { context: value, .. } => self.why(trace.at(place, *value)),
            Meaning::Parameter(index) => self.why_parameter(trace, place, *index),
            _ => None,
        }
    }

    /// A name of a module: of the program's own it is followed, else the library is to blame.
    fn why_member(&self, trace: Trace, from: FileId, path: &str, name: &str) -> Option<Cause> {
        let Some(module) = self.program.module(path, from) else {
            let full = format!("{path}.{name}");
            let is_own = self.program.module(&full, from).is_some();
            return if is_own { None } else { self.library(from, path) };
        };
        if trace.left == 0 {
            return None;
        }
        let trace = Trace { left: trace.left - 1, ..trace };
        let own = self.program.name(module, name)?;
        let place = Place { file: module, scope: ScopeId::MODULE };
        let bindings = self.program.bindings(place, own);
        bindings.into_iter().find_map(|it| self.why_binding(trace, module, it))
    }

    fn why_parameter(&self, trace: Trace, function: Place, index: u32) -> Option<Cause> {
        let scope = self.program.scope(function)?;
        let parameter = scope.parameters.get(index as usize)?;
        let outer = Place { file: function.file, scope: scope.parent };
        if let Some(annotation) = parameter.annotation {
            if self.is_opaque(outer, annotation) {
                return Some(Cause::Parameter(function, index));
            }
            return self.why_annotation(trace.at(outer, annotation));
        }
        let is_self = index == 0 && self.program.class_of(function).is_some();
        (!is_self && scope.kind != ScopeKind::Lambda).then_some(Cause::Parameter(function, index))
    }

    /// Whether an annotation says that anything may come.
    fn is_opaque(&self, place: Place, annotation: ExprId) -> bool {
        let summary = self.program.summary(place.file);
        matches!(summary.last_name(annotation), Some("Any" | "object"))
    }

    fn why_annotation(&self, trace: Trace) -> Option<Cause> {
        if trace.left == 0 {
            return None;
        }
        let Trace { place, expr, .. } = trace;
        let summary = self.program.summary(place.file);
        match summary.expr(expr) {
            Expr::Name(_) | Expr::Attribute(..) => {
                let is_known = summary.last_name(expr).is_none_or(quiet::is_data)
                    || !self.values(place, expr).is_empty();
                if is_known { None } else { self.why(trace) }
            }
            Expr::Subscript(generic, argument) => {
                let name = summary.last_name(*generic).unwrap_or("");
                if quiet::is_transparent(name) {
                    self.why_annotation(trace.to(*argument))
                } else {
                    self.why_annotation(trace.to(*generic))
                        .or_else(|| self.why_annotation(trace.to(*argument)))
                }
            }
            Expr::Either(parts) | Expr::Sequence(parts) => {
                parts.iter().find_map(|part| self.why_annotation(trace.to(*part)))
            }
            _ => None,
        }
    }

    fn why_attribute(&self, trace: Trace, object: ExprId, name: &str) -> Option<Cause> {
        let objects = self.values(trace.place, object);
        if objects.is_empty() {
            if quiet::is_method_of_data(name) {
                return None;
            }
            return self.why(trace.to(object));
        }
        objects.iter().find_map(|value| match value {
            Value::Class(class) | Value::Instance(class) | Value::Super(class) => {
                self.why_member_of_class(trace, *class, name)
            }
            Value::Module(module) => {
                let path = self.program.file(*module)?.module.clone();
                self.why_member(trace, *module, &path, name)
            }
            Value::Parameter(owner, index) if !quiet::is_method_of_data(name) => {
                self.why_parameter(trace, *owner, *index)
            }
            _ => None,
        })
    }

    /// A class of the program that has no such attribute, as far as is known.
    fn why_member_of_class(&self, trace: Trace, class: Place, name: &str) -> Option<Cause> {
        if trace.left == 0 || quiet::is_method_of_data(name) {
            return None;
        }
        let trace = Trace { left: trace.left - 1, ..trace };
        let mut is_assigned = false;
        for ancestor in self.resolver.ancestors(class) {
            let Value::Class(ancestor) = ancestor else { continue };
            let Some(own) = self.program.name(ancestor.file, name) else { continue };
            for binding in self.program.bindings(ancestor, own) {
                is_assigned = true;
                if let Some(cause) = self.why_binding(trace, ancestor.file, binding) {
                    return Some(cause);
                }
            }
            for attribute in self.program.attributes(ancestor, own) {
                is_assigned = true;
                let place = Place { file: ancestor.file, scope: attribute.scope };
                let cause = match (attribute.annotation, attribute.value) {
                    (Some(annotation), _) => self.why_annotation(trace.at(place, annotation)),
                    (None, Some(value)) => self.why(trace.at(place, value)),
                    _ => None,
                };
                if cause.is_some() {
                    return cause;
                }
            }
        }
        if is_assigned {
            return Some(Cause::Attribute(class, name.to_owned()));
        }
        self.why_bases(trace, class).or_else(|| Some(Cause::Attribute(class, name.to_owned())))
    }

    /// A base that nothing is known of may have any attribute.
    fn why_bases(&self, trace: Trace, class: Place) -> Option<Cause> {
        self.resolver.ancestors(class).into_iter().find_map(|ancestor| {
            let Value::Class(ancestor) = ancestor else { return None };
            let scope = self.program.scope(ancestor)?;
            let outer = Place { file: ancestor.file, scope: scope.parent };
            let mut bases = scope.bases.iter();
            bases.find_map(|base| {
                let is_known = !self.values(outer, *base).is_empty();
                if is_known { None } else { self.why(trace.at(outer, *base)) }
            })
        })
    }

    /// What a call gives.
    fn why_result(&self, trace: Trace, function: ExprId, arguments: &[Argument]) -> Option<Cause> {
        let place = trace.place;
        let summary = self.program.summary(place.file);
        match (summary.last_name(function), arguments) {
            (Some("super"), _) => return None,
            (Some("getattr"), [object, name, ..]) => {
                return match summary.literal(name.value) {
                    Some(_) => self.why(trace.to(object.value)),
                    None => Some(Cause::Dynamic(place)),
                };
            }
            _ => {}
        }
        let callees = self.values(place, function);
        if callees.is_empty() {
            return self.why(trace.to(function));
        }
        callees.iter().find_map(|callee| match callee {
            Value::Function(callee) | Value::Method(callee) => self.why_returned(trace, *callee),
            Value::Parameter(owner, index) if *owner == place => {
                Some(Cause::Callable(*owner, *index))
            }
            _ => None,
        })
    }

    fn why_returned(&self, trace: Trace, function: Place) -> Option<Cause> {
        let scope = self.program.scope(function)?;
        if let Some(annotation) = scope.returns_annotation {
            let outer = Place { file: function.file, scope: scope.parent };
            if self.is_opaque(outer, annotation) {
                return Some(Cause::Result(function));
            }
            return self.why_annotation(trace.at(outer, annotation));
        }
        let cause = scope.returns.iter().find_map(|it| self.why(trace.at(function, *it)));
        cause.map(|_| Cause::Result(function))
    }

    /// The library that an import names, unless it is known.
    fn library(&self, from: FileId, path: &str) -> Option<Cause> {
        let root = path.split('.').next().unwrap_or(path);
        let is_known = root.is_empty()
            || quiet::is_standard(root)
            || self.resolver.knowledge.find(root).is_some()
            || self.program.module(root, from).is_some()
            || self.program.is_namespace(root);
        (!is_known).then(|| Cause::Library(root.to_owned()))
    }
}
