//! Values that are known before the program runs, and how they compare.

use std::cmp::Ordering;

use crate::program::Place;

/// What stands for the value of a member that the enumeration numbers itself.
pub(super) const NUMBERED: &str = "auto()";

/// A value that is known before the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constant<'a> {
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
