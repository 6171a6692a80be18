//! What an expression means: which function, class, object or library name.
//!
//! An answer is a small set, since a name may be bound in several ways; nothing is guessed, so an
//! empty set is the usual answer and means silence. Answers are kept, and asked for on demand:
//! only what an async function can reach is ever looked at.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::knowledge::{Knowledge, Member, NodeId};
use crate::program::{FileId, Place, Program};
use crate::summary::{Expr, ExprId, Name, ScopeId, ScopeKind};

mod annotations;
mod attributes;
mod calls;
mod decorators;
mod names;
mod paths;
mod questions;
mod stars;
mod unseen;

pub(crate) use decorators::Decoration;
use questions::{Question, Questions};

/// What an expression may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// A module of the program.
    Module(FileId),
    /// A function that is called with all its parameters.
    Function(Place),
    /// A function whose first parameter is bound already.
    Method(Place),
    Class(Place),
    Instance(Place),
    /// Looks names up behind a class in the order of its bases.
    Super(Place),
    /// A library's module, function or class.
    Known(NodeId),
    /// An object of a library's class.
    Object(NodeId),
    /// Any method of an object of a library's class.
    AnyMethod(NodeId),
    /// A parameter of a function, about which nothing is known but its place.
    Parameter(Place, u32),
    /// Something whose elements are what the expression means.
    Items(FileId, ScopeId, ExprId),
    /// Something whose elements are objects of the annotated class.
    ItemsOf(FileId, ScopeId, ExprId),
    /// What a call of an async function gives.
    Coroutine(Place),
}

/// An answer.
pub(crate) type Values = Rc<[Value]>;

/// How many meanings of a name are followed at most.
pub(crate) const MEANINGS_MAX: usize = 8;

/// Answers questions about one program.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    pub(crate) program: &'a Program,
    pub(crate) knowledge: &'a Knowledge,
    questions: Questions,
    stars: stars::Stars,
    decorations: RefCell<FxHashMap<Place, Decoration>>,
    subclasses: std::cell::OnceCell<FxHashMap<Place, Vec<Place>>>,
    unseen: unseen::Unseen,
}

/// An expression with the scope it stands in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) place: Place,
    pub(crate) expr: ExprId,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(program: &'a Program, knowledge: &'a Knowledge) -> Self {
        Self {
            program,
            knowledge,
            questions: Questions::default(),
            stars: stars::Stars::default(),
            decorations: RefCell::default(),
            subclasses: std::cell::OnceCell::new(),
            unseen: unseen::Unseen::default(),
        }
    }

    /// What an expression means.
    pub(crate) fn values(&self, place: Place, expr: ExprId) -> Values {
        self.questions.ask(Question::Expression(place.file, expr), || {
            let mut found = Vec::new();
            self.evaluate(Spot { place, expr }, &mut found);
            set(found)
        })
    }

    fn evaluate(&self, spot: Spot, found: &mut Vec<Value>) {
        let Spot { place, expr } = spot;
        let summary = self.program.summary(place.file);
        match summary.expr(expr) {
            Expr::Name(name) => {
                let at = summary.node(expr).span.start;
                found.extend(self.name(place, *name, at).iter());
            }
            Expr::Attribute(object, name) => {
                let name = summary.text(*name);
                for value in self.values(place, *object).iter() {
                    self.attribute(*value, name, found);
                }
                self.namespace_attribute(spot, *object, name, found);
            }
            Expr::Call { function, arguments } => {
                if !self.special_call(spot, *function, arguments, found) {
                    for callee in self.values(place, *function).iter() {
                        if let Value::Known(node) = callee {
                            let made = self.knowledge.made_with(*node, summary, arguments);
                            found.extend(made.map(Value::Object));
                        } else {
                            self.result(*callee, found);
                        }
                    }
                }
            }
            Expr::Await(inner) => {
                for value in self.values(place, *inner).iter() {
                    match value {
                        Value::Coroutine(function) => {
                            found.extend(self.returns(*function).iter());
                        }
                        other => found.push(*other),
                    }
                }
            }
            Expr::Subscript(value, _) => {
                for value in self.values(place, *value).iter() {
                    match value {
                        // `Stack[int]` is the class, too.
                        Value::Class(_) => found.push(*value),
                        Value::Object(class) => self.subscripted(*class, found),
                        other => self.element(*other, found),
                    }
                }
            }
            Expr::Either(parts) => {
                for part in parts {
                    found.extend(self.values(place, *part).iter());
                }
            }
            Expr::Binary(left, right) => {
                // A path with something behind it is a path; nothing else of interest computes.
                let operands = [left, right].map(|part| self.values(place, *part));
                let objects = operands.iter().flat_map(|values| values.iter());
                found.extend(objects.filter(|value| self.is_path(**value)));
            }
            Expr::Sequence(parts) => {
                let items = parts.iter().map(|part| Value::Items(place.file, place.scope, *part));
                found.extend(items.take(MEANINGS_MAX));
            }
            Expr::Comprehension { element, .. } => {
                found.push(Value::Items(place.file, place.scope, *element));
            }
            Expr::Starred(inner) => found.extend(self.values(place, *inner).iter()),
            Expr::Lambda(scope) => {
                found.push(Value::Function(Place { file: place.file, scope: *scope }));
            }
            Expr::Literal(_) | Expr::Not(_) | Expr::Compare(..) | Expr::Other => {}
        }
    }

    /// `client["shop"]` where the data says what that gives.
    fn subscripted(&self, class: NodeId, found: &mut Vec<Value>) {
        if let Some(Member::Named(node)) = self.knowledge.member(class, "__getitem__") {
            found.extend(self.knowledge.made_by_data(node).map(Value::Object));
        }
    }

    fn is_path(&self, value: Value) -> bool {
        matches!(value, Value::Object(class) if self.knowledge.path(class).starts_with("pathlib."))
    }

    /// What is got by iterating or subscripting.
    fn element(&self, value: Value, found: &mut Vec<Value>) {
        match value {
            Value::Items(file, scope, expr) => {
                found.extend(self.values(Place { file, scope }, expr).iter());
            }
            Value::ItemsOf(file, scope, expr) => {
                self.annotated(Spot { place: Place { file, scope }, expr }, found);
            }
            _ => {}
        }
    }

    /// What a function returns, by its annotation or else by its `return`s.
    pub(crate) fn returns(&self, function: Place) -> Values {
        self.questions.ask(Question::Returned(function), || self.returned(function))
    }

    fn returned(&self, function: Place) -> Values {
        let mut found = Vec::new();
        if let Some(scope) = self.program.scope(function) {
            if let Some(annotation) = scope.returns_annotation {
                let place = Place { file: function.file, scope: scope.parent };
                self.annotated(Spot { place, expr: annotation }, &mut found);
                self.own_class(function, annotation, &mut found);
                self.made_in_body(function, &mut found);
            }
            if found.is_empty() && scope.facts.yields == 0 {
                for value in &scope.returns {
                    found.extend(self.values(function, *value).iter());
                }
            }
        }
        set(found)
    }

    /// A function that returns nothing but new objects of one class returns that class, whatever
    /// base of it the annotation says.
    fn made_in_body(&self, function: Place, found: &mut Vec<Value>) {
        let (Some(scope), [Value::Instance(said)]) = (self.program.scope(function), &**found)
        else {
            return;
        };
        let summary = self.program.summary(function.file);
        let mut made = None;
        for value in &scope.returns {
            let Expr::Call { function: maker, .. } = summary.expr(*value) else { return };
            let [Value::Class(class)] = *self.values(function, *maker) else { return };
            if *made.get_or_insert(class) != class {
                return;
            }
        }
        if let Some(class) = made
            && self.ancestors(class).contains(&Value::Class(*said))
        {
            *found = vec![Value::Instance(class)];
        }
    }

    /// `-> Self`.
    fn own_class(&self, function: Place, annotation: ExprId, found: &mut Vec<Value>) {
        if self.program.summary(function.file).last_name(annotation) == Some("Self") {
            found.extend(self.program.class_of(function).map(Value::Instance));
        }
    }

    /// Whether a function is one that runs to its end without an event loop.
    pub(crate) fn is_async(&self, function: Place) -> bool {
        self.program.scope(function).is_some_and(|scope| scope.kind == ScopeKind::Async)
    }

    /// What a call gives.
    pub(crate) fn result(&self, callee: Value, found: &mut Vec<Value>) {
        match callee {
            Value::Class(class) => found.push(Value::Instance(class)),
            Value::Function(function) | Value::Method(function) => {
                let scope = self.program.scope(function);
                let is_generator = scope.is_some_and(|scope| scope.facts.yields > 0);
                match self.decoration(function) {
                    Decoration::Cut | Decoration::Known(_) => {}
                    Decoration::Async(wrapper) => found.push(Value::Coroutine(wrapper)),
                    _ if self.is_async(function) && !is_generator => {
                        found.push(Value::Coroutine(function));
                    }
                    _ => found.extend(self.returns(function).iter()),
                }
            }
            Value::Known(node) => {
                found.extend(self.knowledge.made(node).map(Value::Object));
            }
            Value::Object(class) => {
                if let Some(Member::Named(node)) = self.knowledge.member(class, "__call__") {
                    found.extend(self.knowledge.made_by_data(node).map(Value::Object));
                }
            }
            Value::Instance(class) => {
                let mut callees = Vec::new();
                self.attribute(Value::Instance(class), "__call__", &mut callees);
                for callee in callees {
                    if !matches!(callee, Value::Instance(_)) {
                        self.result(callee, found);
                    }
                }
            }
            _ => {}
        }
    }

    /// The text of a name in a file.
    pub(crate) fn text(&self, file: FileId, name: Name) -> &'a str {
        let program: &'a Program = self.program;
        program.summary(file).text(name)
    }
}

fn set(found: Vec<Value>) -> Values {
    let mut values: Vec<Value> = Vec::with_capacity(found.len().min(MEANINGS_MAX));
    for value in found {
        if values.len() < MEANINGS_MAX && !values.contains(&value) {
            values.push(value);
        }
    }
    values.into()
}
