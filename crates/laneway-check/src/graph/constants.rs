//! Values that are known before the program runs: literals, and members of enumerations.

use std::cmp::Ordering;

use super::Search;
use crate::program::Place;
use crate::resolve::Value;
use crate::summary::{Expr, ExprId, Meaning};

/// The classes of the standard library whose members are each other's only equals.
const ENUMERATIONS: &[&str] =
    &["enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"];

/// What stands for the value of a member that the enumeration numbers itself.
const NUMBERED: &str = "auto()";

/// A value that is known before the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Constant<'a> {
    Literal(&'a str),
    /// `Mode.FAST`, with its value where that is written.
    Member {
        class: Place,
        name: &'a str,
        value: Option<&'a str>,
    },
}

impl Constant<'_> {
    /// Whether a test of the value itself holds.
    pub(super) fn truth(self) -> Option<bool> {
        match self {
            Self::Literal("None" | "False" | "''") => Some(false),
            Self::Literal(text) if text == "True" || text.starts_with('\'') => Some(true),
            Self::Literal(text) => number(text).map(|it| it.total_cmp(&0.0) != Ordering::Equal),
            // A flag without bits is false.
            Self::Member { .. } => None,
        }
    }

    /// Whether two values are the same, by `is` and by `==` alike; `None` where those differ, or
    /// where it is not known.
    pub(super) fn is_same(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Literal(one), Self::Literal(other)) => are_same(one, other),
            (
                Self::Member { class, name, value },
                Self::Member { class: of, name: other, value: its },
            ) if class == of => match (value, its) {
                _ if name == other => Some(true),
                (Some(NUMBERED), Some(NUMBERED)) => Some(false),
                // Two names of one value are one member.
                (Some(one), Some(other)) if one != NUMBERED && other != NUMBERED => {
                    are_same(one, other)
                }
                _ => None,
            },
            (Self::Literal("None"), _) | (_, Self::Literal("None")) => Some(false),
            // A member may be a string or a number, too.
            _ => None,
        }
    }
}

/// Whether two literals are the same.
fn are_same(one: &str, other: &str) -> Option<bool> {
    // All literals of bytes are kept as one.
    let is_vague =
        |text: &str| text == "b''" || !is_text(text) && !is_name(text) && number(text).is_none();
    if is_vague(one) || is_vague(other) {
        return None;
    }
    match (number(one), number(other)) {
        _ if one == other => Some(true),
        // `1 == 1.0 == True`, but none of them is the other.
        (Some(one), Some(other)) => (one.total_cmp(&other) != Ordering::Equal).then_some(false),
        _ => Some(false),
    }
}

fn is_text(literal: &str) -> bool {
    literal.starts_with('\'')
}

fn is_name(literal: &str) -> bool {
    matches!(literal, "None" | "...")
}

/// The value of a number or a bool.
fn number(literal: &str) -> Option<f64> {
    match literal {
        "True" => Some(1.0),
        "False" => Some(0.0),
        _ => {
            let digits = literal.replace(['_', ' '], "");
            let is_number =
                digits.starts_with(|it: char| it.is_ascii_digit() || "+-.".contains(it));
            // There is one zero, with or without a sign.
            digits.parse::<f64>().ok().filter(|_| is_number).map(|it| it + 0.0)
        }
    }
}

impl<'a> Search<'a> {
    /// A literal or a member of an enumeration, as it is written.
    pub(super) fn known(&self, place: Place, expr: ExprId) -> Option<Constant<'a>> {
        let program = self.program;
        let summary = program.summary(place.file);
        match summary.expr(expr) {
            Expr::Literal(text) => Some(Constant::Literal(summary.text(*text))),
            Expr::Attribute(class, member) => self.member(place, *class, summary.text(*member)),
            _ => None,
        }
    }

    fn member(&self, place: Place, class: ExprId, name: &str) -> Option<Constant<'a>> {
        let values = self.resolver.values(place, class);
        let [Value::Class(class)] = *values else { return None };
        let program = self.program;
        let summary = program.summary(class.file);
        let own = program.name(class.file, name)?;
        let bindings = program.bindings(class, own);
        let [only] = bindings.as_slice() else { return None };
        let Meaning::Value { value: Some(value), .. } = only.meaning else { return None };
        let value = match summary.expr(value) {
            Expr::Literal(text) => Some(summary.text(*text)),
            Expr::Call { function, .. } if summary.last_name(*function) == Some("auto") => {
                Some(NUMBERED)
            }
            _ => None,
        };
        let name = summary.text(own);
        self.is_enumeration(class).then_some(Constant::Member { class, name, value })
    }

    fn is_enumeration(&self, class: Place) -> bool {
        let program = self.program;
        self.resolver.ancestors(class).into_iter().any(|ancestor| {
            let Value::Class(ancestor) = ancestor else { return false };
            let Some(scope) = program.scope(ancestor) else { return false };
            let outer = Place { file: ancestor.file, scope: scope.parent };
            scope.bases.iter().any(|base| {
                let path = self.resolver.library_path(outer, *base);
                path.is_some_and(|path| ENUMERATIONS.contains(&path.as_str()))
            })
        })
    }
}
