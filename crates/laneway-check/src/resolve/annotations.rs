//! What an annotation says of a value.

use super::{Resolver, Spot, Value};
use crate::program::Place;
use crate::summary::{Expr, ExprId};

/// Generic names that stand for what is in them.
const TRANSPARENT: &[&str] =
    &["Optional", "Union", "Annotated", "ClassVar", "Final", "Required", "NotRequired", "ReadOnly"];

/// Generic names of things that are iterated.
const ITERATED: &[&str] = &[
    "list",
    "List",
    "set",
    "Set",
    "frozenset",
    "FrozenSet",
    "tuple",
    "Tuple",
    "deque",
    "Deque",
    "Sequence",
    "MutableSequence",
    "Iterable",
    "Iterator",
    "Collection",
    "Generator",
    "AsyncIterator",
    "AsyncIterable",
    "AsyncGenerator",
    "AbstractSet",
    "Mapping",
    "dict",
    "Dict",
    "KeysView",
    "ContextManager",
    "AbstractContextManager",
    "AsyncContextManager",
    "AbstractAsyncContextManager",
];

/// Names whose elements are their last argument.
const MAPPINGS: &[&str] =
    &["Mapping", "dict", "Dict", "MutableMapping", "defaultdict", "OrderedDict"];

impl Resolver<'_> {
    /// Adds what a value with this annotation is.
    pub(super) fn annotated(&self, spot: Spot, found: &mut Vec<Value>) {
        let Spot { place, expr } = spot;
        let summary = self.program.summary(place.file);
        match summary.expr(expr) {
            Expr::Name(_) | Expr::Attribute(..) => self.instances(spot, found),
            Expr::Either(parts) => {
                for part in parts {
                    self.annotated(Spot { place, expr: *part }, found);
                }
            }
            Expr::Subscript(generic, argument) => self.generic(spot, *generic, *argument, found),
            _ => {}
        }
    }

    fn instances(&self, spot: Spot, found: &mut Vec<Value>) {
        for value in self.values(spot.place, spot.expr).iter() {
            match value {
                Value::Class(class) => found.push(Value::Instance(*class)),
                Value::Known(node) => found.push(Value::Object(*node)),
                _ => {}
            }
        }
    }

    fn generic(&self, spot: Spot, generic: ExprId, argument: ExprId, found: &mut Vec<Value>) {
        let place = spot.place;
        let summary = self.program.summary(place.file);
        let first = first_argument(summary.expr(argument)).unwrap_or(argument);
        let name = summary.last_name(generic).unwrap_or("");
        if matches!(name, "type" | "Type") {
            found.extend(self.values(place, first).iter());
        } else if name == "Union" {
            match summary.expr(argument) {
                Expr::Sequence(parts) => {
                    for part in parts {
                        self.annotated(Spot { place, expr: *part }, found);
                    }
                }
                _ => self.annotated(Spot { place, expr: argument }, found),
            }
        } else if TRANSPARENT.contains(&name) {
            self.annotated(Spot { place, expr: first }, found);
        } else if MAPPINGS.contains(&name) {
            let last = last_argument(summary.expr(argument)).unwrap_or(argument);
            found.push(Value::ItemsOf(place.file, place.scope, last));
        } else if ITERATED.contains(&name) {
            found.push(Value::ItemsOf(place.file, place.scope, first));
        } else {
            self.instances(Spot { place, expr: generic }, found);
        }
    }

    /// Whether an annotation of a parameter, return or variable of a place names one of these.
    pub(crate) fn annotation_values(&self, place: Place, annotation: ExprId) -> Vec<Value> {
        let mut found = Vec::new();
        self.annotated(Spot { place, expr: annotation }, &mut found);
        found
    }
}

fn first_argument(expr: &Expr) -> Option<ExprId> {
    match expr {
        Expr::Sequence(parts) => parts.first().copied(),
        _ => None,
    }
}

fn last_argument(expr: &Expr) -> Option<ExprId> {
    match expr {
        Expr::Sequence(parts) => parts.last().copied(),
        _ => None,
    }
}
