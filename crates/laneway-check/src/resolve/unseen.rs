//! Calls of a function that nobody sees: whoever was handed a function may call it with anything,
//! and so may whoever calls a method of this name on an object of unknown class.

use std::cell::{OnceCell, RefCell};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Resolver, Value};
use crate::knowledge::Kind;
use crate::program::{FileId, Place, Program};
use crate::summary::{Expr, ExprId, Meaning, Name, ScopeKind, Summary};

/// Decorators that hand a function to nobody who would call it otherwise than it is called.
const PLAIN: &[&str] = &[
    "staticmethod",
    "classmethod",
    "property",
    "cached_property",
    "setter",
    "override",
    "final",
    "abstractmethod",
    "overload",
    "contextmanager",
    "asynccontextmanager",
    "cache",
    "lru_cache",
];

/// How many `partial`s may stand around a function that is handed on.
const PARTIALS_MAX: u8 = 4;

/// What the answers are found by, and those that were given.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    uses: OnceCell<Uses>,
    answers: RefCell<FxHashMap<Place, bool>>,
    meant: RefCell<FxHashMap<Box<str>, Meant>>,
}

/// What the attributes of one name mean, as far as they were looked at: there may be thousands of
/// methods of that name.
#[derive(Debug, Default)]
struct Meant {
    /// How many of the attributes were looked at.
    count: usize,
    /// Functions that one of them hands on without a call.
    handed_on: FxHashSet<Place>,
    /// How many of them are of an object whose class nobody knows, and how many of these mean a
    /// function by all that is known.
    vague: usize,
    known: FxHashMap<Place, usize>,
}

impl Meant {
    /// Whether what was looked at shows that a function may be called unseen.
    fn shows(&self, function: Place, is_method: bool) -> bool {
        let known = self.known.get(&function).copied().unwrap_or(0);
        self.handed_on.contains(&function) || is_method && self.vague > known
    }
}

/// Where the whole program uses a name.
#[derive(Debug, Default)]
struct Uses {
    /// Files that import the name, and what they call it.
    imports: FxHashMap<Box<str>, Vec<(FileId, Name)>>,
    /// Files that import whatever another one has.
    stars: Vec<FileId>,
    attributes: FxHashMap<Box<str>, Vec<Attribute>>,
}

#[derive(Debug, Clone, Copy)]
struct Attribute {
    place: Place,
    expr: ExprId,
    is_called: bool,
}

impl Uses {
    fn of(program: &Program) -> Self {
        let mut uses = Self::default();
        for (file, source) in program.files() {
            let summary = &source.summary;
            for binding in &summary.bindings {
                if let Meaning::From { name, .. } = binding.meaning {
                    push(&mut uses.imports, summary.text(name), (file, binding.name));
                }
            }
            if !summary.stars.is_empty() {
                uses.stars.push(file);
            }
            let called = summary.calls.iter().filter_map(|call| match summary.expr(call.expr) {
                Expr::Call { function, .. } => Some((*function, call.scope, true)),
                _ => None,
            });
            let read = summary.reads.iter().map(|(expr, scope)| (*expr, *scope, false));
            for (expr, scope, is_called) in called.chain(read) {
                if let Expr::Attribute(_, name) = summary.expr(expr) {
                    let attribute = Attribute { place: Place { file, scope }, expr, is_called };
                    push(&mut uses.attributes, summary.text(*name), attribute);
                }
            }
        }
        uses
    }
}

fn push<T>(rows: &mut FxHashMap<Box<str>, Vec<T>>, name: &str, row: T) {
    match rows.get_mut(name) {
        Some(known) => known.push(row),
        None => {
            rows.insert(name.into(), vec![row]);
        }
    }
}

impl Resolver<'_> {
    /// Whether a function may be called with other arguments than those of the calls that are
    /// understood.
    pub(crate) fn is_called_unseen(&self, function: Place) -> bool {
        if let Some(known) = self.unseen.answers.borrow().get(&function) {
            return *known;
        }
        let answer = self.may_be_called_unseen(function);
        self.unseen.answers.borrow_mut().insert(function, answer);
        answer
    }

    fn may_be_called_unseen(&self, function: Place) -> bool {
        let Some(scope) = self.program.scope(function) else { return false };
        if scope.kind == ScopeKind::Lambda {
            return false;
        }
        if !self.is_called_as_written(function) {
            return true;
        }
        let uses = self.unseen.uses.get_or_init(|| Uses::of(self.program));
        let name = self.program.summary(function.file).text(scope.name);
        let is_method = self.program.class_of(function).is_some();
        if !is_method && self.is_handed_on_by_name(uses, function.file, scope.name, name) {
            return true;
        }
        let attributes = uses.attributes.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut meant = self.unseen.meant.borrow_mut().remove(name).unwrap_or_default();
        while !meant.shows(function, is_method)
            && let Some(attribute) = attributes.get(meant.count)
        {
            self.look_at(*attribute, &mut meant);
        }
        let is_shown = meant.shows(function, is_method);
        self.unseen.meant.borrow_mut().insert(name.into(), meant);
        is_shown
    }

    fn look_at(&self, attribute: Attribute, meant: &mut Meant) {
        meant.count += 1;
        let values = self.values(attribute.place, attribute.expr);
        let mut functions: Vec<Place> = values
            .iter()
            .filter_map(|value| match value {
                Value::Function(function) | Value::Method(function) => Some(*function),
                _ => None,
            })
            .collect();
        functions.sort_unstable();
        functions.dedup();
        let is_offloaded = || self.is_offloaded(attribute.place.file, attribute.expr, PARTIALS_MAX);
        if !functions.is_empty() && !attribute.is_called && !is_offloaded() {
            meant.handed_on.extend(&functions);
        }
        if self.may_be_any_object(attribute) {
            meant.vague += 1;
            for function in functions {
                *meant.known.entry(function).or_default() += 1;
            }
        }
    }

    /// Whether no decorator may call a function with other arguments than those that are given.
    pub(crate) fn is_called_as_written(&self, function: Place) -> bool {
        let plain = self.decorator_names(function).filter(|it| PLAIN.contains(it)).count();
        self.program.scope(function).is_some_and(|scope| plain == scope.decorators.len())
    }

    /// Whether the file of a function, or one that imports it, names it without calling it.
    fn is_handed_on_by_name(&self, uses: &Uses, file: FileId, own: Name, name: &str) -> bool {
        let importers = uses.imports.get(name).map(Vec::as_slice).unwrap_or_default();
        let starred = uses
            .stars
            .iter()
            .filter_map(|file| self.program.name(*file, name).map(|name| (*file, name)));
        let mut places =
            std::iter::once((file, own)).chain(importers.iter().copied()).chain(starred);
        places.any(|(file, name)| {
            let mut named = self.program.named(file, name);
            named.any(|it| {
                !self.program.is_called(file, it) && !self.is_offloaded(file, it, PARTIALS_MAX)
            })
        })
    }

    /// Whether a function is an argument of what runs it in a thread or a process: no loop runs it
    /// there.
    fn is_offloaded(&self, file: FileId, handed_on: ExprId, partials: u8) -> bool {
        let Some(partials) = partials.checked_sub(1) else { return false };
        let summary = self.program.summary(file);
        summary.calls.iter().any(|call| {
            let Expr::Call { function, arguments } = summary.expr(call.expr) else { return false };
            if arguments.iter().all(|it| it.value != handed_on) {
                return false;
            }
            if summary.last_name(*function) == Some("partial") {
                return self.is_offloaded(file, call.expr, partials);
            }
            let place = Place { file, scope: call.scope };
            self.values(place, *function).iter().any(|value| match value {
                Value::Known(node) => {
                    self.knowledge.entry(*node).is_some_and(|it| it.kind == Kind::Offload)
                }
                _ => false,
            })
        })
    }

    /// Whether an attribute is one of an object whose class nobody knows.
    fn may_be_any_object(&self, attribute: Attribute) -> bool {
        let Attribute { place, expr, .. } = attribute;
        let summary = self.program.summary(place.file);
        let Expr::Attribute(object, _) = summary.expr(expr) else { return false };
        let values = self.values(place, *object);
        let is_unknown =
            values.is_empty() || values.iter().any(|value| matches!(value, Value::Parameter(..)));
        is_unknown && !self.is_data(place, *object) && self.library_path(place, *object).is_none()
    }

    /// Whether an expression is a text, a container, or what a library's function gives: never an
    /// object of the program's classes.
    fn is_data(&self, place: Place, object: ExprId) -> bool {
        let summary = self.program.summary(place.file);
        match summary.expr(object) {
            Expr::Name(name) => {
                let at = summary.node(object).span.start;
                let Some((scope, bindings)) = self.lookup(place, *name, at) else { return false };
                let summary = self.program.summary(scope.file);
                bindings.iter().all(|binding| match binding.meaning {
                    Meaning::Value { value: Some(value), .. } => is_display(summary, value),
                    _ => false,
                })
            }
            Expr::Call { function, .. } => {
                self.values(place, *function).iter().any(|it| matches!(it, Value::Known(_)))
            }
            _ => is_display(summary, object),
        }
    }
}

fn is_display(summary: &Summary, value: ExprId) -> bool {
    matches!(
        summary.expr(value),
        Expr::Literal(_)
            | Expr::Sequence(_)
            | Expr::Comprehension { .. }
            | Expr::Binary(..)
            | Expr::Other
    )
}
